/** The vitest projects: which test files each of them runs, on what, and side by side with what. */
import { availableParallelism } from 'node:os';

const cores = availableParallelism();

/**
 * @typedef {object} Group files of one group run side by side, and groups one after another
 * @property {number} workers
 * @property {boolean} [isolate] `false`: the files of a worker share its modules, which is faster
 */

/** @satisfies {Readonly<Record<string, Group>>} */
export const groups = {
  /** Takes a core each. Nothing in these files changes what a module or the process holds. */
  computing: { workers: cores, isolate: false },
  /**
   * Waits for servers most of the time. With two workers a core, drains of the tests miss their two seconds where the
   * machine does something else as well.
   */
  waiting: { workers: cores + 1 },
  /** Starts processes of its own, which take all cores. */
  loading: { workers: 1 },
};

/**
 * @typedef {object} Project
 * @property {string} name
 * @property {readonly string[]} files globs, from the root of the repository
 * @property {readonly string[]} [without] globs of files that are not its own
 * @property {boolean} [onBuild] whether its tests use the compiled packages, which are built first
 * @property {keyof typeof groups} group
 */

/** Examples run as a user runs them: their compiled programs, on servers. */
const serverTestsOfExamples = 'examples/*/test/**/*.servers.test.ts';

/** @type {readonly Project[]} */
export const projects = [
  {
    name: 'unit',
    group: 'computing',
    files: ['packages/*/test/unit/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    without: [serverTestsOfExamples],
  },
  { name: 'rooms', group: 'computing', files: ['test/rooms/**/*.test.ts'] },
  { name: 'tools', group: 'waiting', files: ['test/tools/**/*.test.ts'] },
  { name: 'contract', group: 'waiting', files: ['packages/*/test/contract/**/*.test.ts'] },
  { name: 'integration', group: 'waiting', files: ['packages/*/test/integration/**/*.test.ts'] },
  { name: 'fault', group: 'loading', files: ['test/fault/**/*.test.ts'] },
  { name: 'differential', group: 'loading', files: ['test/differential/**/*.test.ts'] },
  { name: 'docs', group: 'waiting', files: ['test/docs/**/*.test.ts'], onBuild: true },
  { name: 'examples', group: 'loading', files: [serverTestsOfExamples], onBuild: true },
  { name: 'dashboard', group: 'loading', files: ['packages/dashboard/test/browser/**/*.test.ts'], onBuild: true },
  { name: 'bench', group: 'loading', files: ['test/bench/*.test.ts'], onBuild: true },
  { name: 'consumer', group: 'loading', files: ['test/consumer/**/*.test.ts'], onBuild: true },
  {
    name: 'oldest',
    group: 'waiting',
    files: ['packages/*/test/integration/mikro-orm/**/*.test.ts', 'test/oldest/*.test.ts'],
  },
  {
    name: 'newest',
    group: 'waiting',
    files: [
      'test/newest/*.test.ts',
      // A long run of its own: `npm run matrix`.
      ...(process.env['SPILLWAY_MATRIX'] === 'all' ? ['packages/core/test/integration/**/*.test.ts'] : []),
    ],
    // PGlite has no MikroORM so new.
    without: ['**/integration/pglite/**'],
  },
  {
    name: 'nest-11',
    group: 'waiting',
    files: ['packages/nestjs/test/integration/**/*.test.ts', 'test/nest-11/*.test.ts'],
  },
  {
    name: 'ioredis-5',
    group: 'waiting',
    files: [
      'packages/core/test/contract/{ioredis-options,given-client,given-cluster}.test.ts',
      'test/ioredis-5/*.test.ts',
    ],
  },
];
