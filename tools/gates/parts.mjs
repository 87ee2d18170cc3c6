/**
 * The ten parts of the long tests. `npm test` runs every test file that no part names, and the files of `longer` on few
 * seeds. `npm run test:long` runs everything; `.ci/run` adds one part to `npm test`, another one for each commit.
 */

/** @typedef {Readonly<Record<string, readonly string[]>>} Files globs, by the name of the vitest project */

/**
 * @typedef {object} Part
 * @property {string} holds for people: what the part tests
 * @property {Files} only what `npm test` leaves out
 * @property {Files} [longer] what `npm test` runs too, on fewer seeds
 */

const integration = 'packages/core/test/integration';
const ofExtension = 'packages/*/test/integration/mikro-orm';

/** @type {readonly Part[]} */
export const parts = [
  {
    holds:
      'kills at random moments: under load, of counters, of rows that increments make, while tables are cleared; what happens to Redis, in every topology',
    only: { fault: ['test/fault/{every-topology,made-rows,schema}.test.ts'] },
    longer: { fault: ['test/fault/{random-kills,increments}.test.ts'] },
  },
  {
    holds: 'processes that read through the cache, or leave staging, and are killed; most of PGlite',
    only: {
      fault: ['test/fault/{cache,adoption}.test.ts'],
      differential: ['test/differential/pglite.test.ts'],
      integration: [
        `${integration}/pglite/{cache-and-releases,failed-commits,held,late-acknowledgements}.test.ts`,
        `${integration}/pglite/{ledger,made-database,opened-again,places,races}.test.ts`,
      ],
    },
  },
  {
    holds: 'transactions, Redis and PostgreSQL that die, and workers side by side',
    only: { fault: ['test/fault/{cluster,failover,held-transactions,postgres,redis,sentinel,workers}.test.ts'] },
  },
  {
    holds:
      'random programs by number, damage of every kind in Redis, all scripts by Lua 5.4, and each measurement of the benchmark',
    only: {},
    longer: {
      differential: ['test/differential/{differential,refusals/*,witness/*}.test.ts'],
      contract: ['packages/core/test/contract/{lua54,redis-damage,redis-garbage}.test.ts'],
      bench: ['test/bench/bench.test.ts'],
    },
  },
  {
    holds: 'interleavings by number, and values and changes in all ways',
    only: {},
    longer: {
      integration: [
        `${integration}/flush/interleavings.test.ts`,
        `${integration}/mikro-orm/{by-condition,every-type,hostile-values}.test.ts`,
      ],
    },
  },
  {
    holds: 'starts, stops, kills and outages in all states; shards of a cluster that move while it is in use',
    only: {
      contract: ['packages/core/test/contract/many-rows.test.ts'],
      integration: [
        `${integration}/cache/{outages,releases}.test.ts`,
        `${integration}/flush/kill-promoter.test.ts`,
        `${integration}/life/{first-use,stopping}.test.ts`,
        `${integration}/mikro-orm/{made-database,many-rows,openings,refused-rows}.test.ts`,
        `${integration}/nodes/reshard-cluster-{busy,failover}.test.ts`,
      ],
    },
    longer: { integration: [`${integration}/nodes/reshard-cluster-again.test.ts`] },
  },
  { holds: 'the oldest MikroORM: files from a to h', only: { oldest: [`${ofExtension}/[a-h]*.test.ts`] } },
  {
    holds: 'the oldest MikroORM: files from i to z; starts and stops on the oldest NestJS',
    only: {
      oldest: [`${ofExtension}/[i-z]*.test.ts`],
      'nest-11': ['packages/nestjs/test/integration/{health,shutdown,start}.test.ts'],
    },
  },
  {
    holds: 'the programs of the documents, in empty directories; the dashboard with very many dead letters and shards',
    only: { consumer: ['test/consumer/readme.test.ts'] },
    longer: { dashboard: ['packages/dashboard/test/browser/many.test.ts'] },
  },
  {
    holds:
      'compilers and traces of the packages as published, an upgrade, the examples, and the command line on broken set-ups',
    only: {
      integration: ['packages/cli/test/integration/{configuration,dead-letters,doctor}.test.ts'],
      consumer: ['test/consumer/{toolchains,traces,upgrade}.test.ts'],
      examples: ['examples/{express-telemetry,nestjs-shop}/test/*.servers.test.ts'],
    },
  },
];
