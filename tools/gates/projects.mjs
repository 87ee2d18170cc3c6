/** The vitest projects: which test files each of them runs, on what, and with how many workers. */

/**
 * @typedef {object} Project
 * @property {string} name
 * @property {readonly string[]} files globs, from the root of the repository
 * @property {readonly string[]} [without] globs of files that are not its own
 * @property {boolean} [onBuild] whether its tests use the compiled packages, which are built first
 * @property {boolean} [alone] whether its files run one after another
 */

/** Examples run as a user runs them: their compiled programs, on servers. */
const serverTestsOfExamples = 'examples/*/test/**/*.servers.test.ts';

/** @type {readonly Project[]} */
export const projects = [
  {
    name: 'unit',
    files: ['packages/*/test/unit/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    without: [serverTestsOfExamples],
  },
  { name: 'rooms', files: ['test/rooms/**/*.test.ts'] },
  { name: 'tools', files: ['test/tools/**/*.test.ts'] },
  { name: 'contract', files: ['packages/*/test/contract/**/*.test.ts'] },
  { name: 'integration', files: ['packages/*/test/integration/**/*.test.ts'] },
  { name: 'fault', files: ['test/fault/**/*.test.ts'] },
  { name: 'differential', files: ['test/differential/**/*.test.ts'] },
  { name: 'docs', files: ['test/docs/**/*.test.ts'], onBuild: true },
  { name: 'examples', files: [serverTestsOfExamples], onBuild: true },
  { name: 'consumer', files: ['test/consumer/**/*.test.ts'], onBuild: true },
  { name: 'oldest', files: ['packages/*/test/integration/mikro-orm/**/*.test.ts', 'test/oldest/*.test.ts'] },
  {
    name: 'newest',
    files: [
      'test/newest/*.test.ts',
      // A long run of its own: `npm run matrix`.
      ...(process.env['SPILLWAY_MATRIX'] === 'all' ? ['packages/core/test/integration/**/*.test.ts'] : []),
    ],
    // PGlite has no MikroORM so new.
    without: ['**/integration/pglite/**'],
  },
  { name: 'nest-11', files: ['packages/nestjs/test/integration/**/*.test.ts', 'test/nest-11/*.test.ts'] },
  { name: 'ioredis-5', files: ['packages/core/test/contract/ioredis-options.test.ts', 'test/ioredis-5/*.test.ts'] },
];
