/**
 * Tests that end otherwise where everything is written behind, by reason: file -> hashes of titles. Plain MikroORM is
 * not more right in any of them: the documents say each.
 */
export const known = {
  anew: {
    'tests/issues/GH1175.test.ts': '41b59a33 5bf7575a',
  },
  constraints: {
    'tests/features/embeddables/nested-embeddables.postgres.test.ts': 'ef4d5f84',
    'tests/features/entity-manager/EntityManager.postgre.test.ts': '195a0c11',
    'tests/issues/GH1175.test.ts': '090afd8c deb73a4e',
    'tests/issues/GH1176.test.ts': '86aeee6c b9fb8b60',
  },
  generated: {
    'tests/features/generated-columns/generated-columns.postgres.test.ts': '98c41dcd',
  },
  order: {
    'tests/features/embeddables/nested-embeddables.postgres.test.ts': 'cf557b66',
    'tests/features/joined-strategy.postgre.test.ts': '424f2806',
  },
  past: {
    'tests/features/auto-flush.postgre.test.ts': '32b42154 34dae02a',
    'tests/features/cockroachdb.test.ts': '867cf595',
    'tests/features/embeddables/GH5578.postgres.test.ts': '412f8b56',
    'tests/features/embeddables/embedded-entities.postgres.test.ts': '4c78b88b 94156c03',
    'tests/features/entity-manager/EntityManager.postgre.test.ts': '14338aea',
    'tests/features/truncate/truncate.postgresql.test.ts': '75ee645e',
    'tests/issues/GH6083.test.ts': 'a3e1cade',
    'tests/issues/GH8192.test.ts': '01c964e6 4678f307 a570a5e6 cb94f423 db98bb93 fc47277e',
  },
  raced: {
    'tests/features/collection/populate-where-infer.test.ts': '4d87d61e',
  },
  refused: {
    'tests/features/schema-generator/changing-column-type.postgres.test.ts': '3ba4a9ee',
  },
  sequences: {
    'tests/features/streaming/streaming.test.ts': '40017f68 571a10fb bdc41d54 feb48dda',
  },
  statements: {
    'tests/features/auto-flush.postgre.test.ts': '1386a1fe 3e5f708b 94ee9f9a eac4b6d5',
    'tests/features/auto-refreshing.postgre.test.ts': '27716d03 287d33c2 6592edb6 785d7f6d 8f687eb8 ae012594',
    'tests/features/composite-keys/GH1079.test.ts': 'b91396be',
    'tests/features/concurrency-checks/concurrency-checks.postgre.test.ts': '3865c71a 925be20b',
    'tests/features/custom-order/custom-order.postgres.test.ts':
      '1c37d47a 4767c095 905195bb 98f23801 a41a02ab b4b561a8 c1a0dff7 ed7db2e2',
    'tests/features/custom-types/GH5188.test.ts': '43edf71b',
    'tests/features/custom-types/IntervalType.test.ts': 'e9908d92',
    'tests/features/default-values/default-values.postgre.test.ts': '3ce1b502',
    'tests/features/embeddables/embeddable-custom-types.postgres.test.ts': '50c79af8 7a3e987d',
    'tests/features/embeddables/embedded-entities.postgres.test.ts': 'ea25ecc8',
    'tests/features/embeddables/entities-in-embeddables.postgres.test.ts': '40fcf3a4 4319a60c',
    'tests/features/embeddables/nested-embeddables.postgres.test.ts': '146997ef 40fcf3a4 84f06bd6',
    'tests/features/entity-manager/EntityManager.postgre.test.ts': '0a6833f9 183ab69e 26d6c247 33f0b0bd 4069993a',
    'tests/features/native-postgres-enums/GH5322.test.ts': '48ab021b',
    'tests/features/sharing-column-in-composite-fk/GH6359.test.ts': '30562c91',
    'tests/issues/GH1595.test.ts': '7a81a349',
    'tests/issues/GH1664.test.ts': 'a76fc9b2 f0c47061',
    'tests/issues/GH3810.test.ts': '24ed3fa3',
    'tests/issues/GH4796.test.ts': 'ae46bd6e',
    'tests/issues/GH482.test.ts': '1a8cf02e d4b98263',
    'tests/issues/GH5510.test.ts': 'fcdc957a',
    'tests/issues/GH5527.test.ts': '29e860dc',
    'tests/issues/GH6723.test.ts': '6caa2d86',
    'tests/issues/GH7102.test.ts': '118996c2 57b961f1',
    'tests/issues/GH7353.test.ts': 'ca21701d',
  },
  tables: {
    'tests/features/multiple-schemas/multiple-schemas.postgres.test.ts': '203e9d94 2c7764ab f0229907',
  },
  transactions: {
    'tests/issues/GH1175.test.ts': '63c2e582 684a148d',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
