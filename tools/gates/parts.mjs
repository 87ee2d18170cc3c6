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

const ofExtension = 'packages/*/test/integration/mikro-orm';

/** @type {readonly Part[]} */
export const parts = [
  {
    holds: 'kills at random moments',
    only: {},
    longer: { fault: ['test/fault/random-kills.test.ts', 'test/fault/increments.test.ts'] },
  },
  { holds: 'processes that use the cache and are killed', only: { fault: ['test/fault/cache.test.ts'] } },
  {
    holds: 'what dies around transactions, Redis and PostgreSQL',
    only: { fault: ['test/fault/{held-transactions,redis,sentinel,postgres}.test.ts'] },
  },
  {
    holds: 'interleavings by number, and random programs by number',
    only: {},
    longer: {
      integration: ['packages/core/test/integration/flush/interleavings.test.ts'],
      differential: ['test/differential/**/*.test.ts'],
    },
  },
  { holds: 'the oldest MikroORM: a to c', only: { oldest: [`${ofExtension}/[a-c]*.test.ts`] } },
  { holds: 'the oldest MikroORM: d to h', only: { oldest: [`${ofExtension}/[d-h]*.test.ts`] } },
  { holds: 'the oldest MikroORM: i to q', only: { oldest: [`${ofExtension}/[i-q]*.test.ts`] } },
  { holds: 'the oldest MikroORM: r to z', only: { oldest: [`${ofExtension}/[r-z]*.test.ts`] } },
  {
    holds: 'the programs of the documents, in empty directories',
    only: { consumer: ['test/consumer/readme.test.ts'] },
  },
  {
    holds: 'compilers, traces and the compiled examples',
    only: {
      consumer: ['test/consumer/{toolchains,traces}.test.ts'],
      examples: ['examples/{express-telemetry,nestjs-shop}/test/*.servers.test.ts'],
    },
  },
];
