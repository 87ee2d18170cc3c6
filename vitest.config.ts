import type { Plugin } from 'vite';
import { configDefaults, defineConfig } from 'vitest/config';
import { otherClients } from './test/ioredis-5/resolve.js';
import { oldestNest } from './test/nest-11/resolve.js';
import { newestMikroOrm } from './test/newest/resolve.js';
import { oldestMikroOrm } from './test/oldest/resolve.js';
import { limitedUserOfRedis } from './test/rights/resolve.js';
import { esDecorators } from './tools/es-decorators.mjs';
import { groups, projects, type Group, type Project } from './tools/gates/projects.mjs';
import { filesOf } from './tools/gates/select.mjs';

const fromRoot = (path: string): string => new URL(path, import.meta.url).pathname;
const servers = fromRoot('test/support/global-setup.ts');
const noDeprecatedPg = fromRoot('test/support/no-deprecated-pg.ts');

/** `tools/test.mjs` says which of the tests are wanted; without it, all are. */
const wanted = process.env['SPILLWAY_TESTS'];

/** Tests run on the sources, so that a change needs no build before it is seen. */
const resolve = {
  alias: [
    { find: /^@spillway\/core$/, replacement: fromRoot('packages/core/src/index.ts') },
    { find: /^@spillway\/nestjs$/, replacement: fromRoot('packages/nestjs/src/index.ts') },
    { find: /^@spillway\/telemetry$/, replacement: fromRoot('packages/telemetry/src/index.ts') },
    {
      find: /^@spillway\/telemetry\/opentelemetry$/,
      replacement: fromRoot('packages/telemetry/src/opentelemetry/index.ts'),
    },
    { find: /^@spillway\/dashboard$/, replacement: fromRoot('packages/dashboard/src/index.ts') },
    { find: /^@spillway\/core\/testing$/, replacement: fromRoot('packages/core/src/testing/index.ts') },
  ],
};

interface Ground {
  /** Before all files of the project. */
  readonly globalSetup?: string;
  /** Before each file of the project. */
  readonly setupFiles?: readonly string[];
  readonly timeoutMs?: number;
  /** Gives the tests other versions of packages than the repository's. */
  readonly versions?: Plugin;
}

const onServers: Ground = { globalSetup: servers };

/** What the tests of a project stand on; `tools/gates/projects.mjs` has the rest. */
const grounds: Readonly<Record<string, Ground>> = {
  unit: {},
  rooms: {},
  tools: {},
  examples: { ...onServers, timeoutMs: 180_000 },
  dashboard: { globalSetup: fromRoot('packages/dashboard/test/browser/global-setup.ts'), timeoutMs: 120_000 },
  bench: { ...onServers, timeoutMs: 180_000 },
  consumer: { ...onServers, timeoutMs: 10 * 60_000 },
  oldest: { globalSetup: fromRoot('test/oldest/global-setup.ts'), versions: oldestMikroOrm() },
  newest: { globalSetup: fromRoot('test/newest/global-setup.ts'), versions: newestMikroOrm() },
  'nest-11': { globalSetup: fromRoot('test/nest-11/global-setup.ts'), versions: oldestNest() },
  'ioredis-5': { globalSetup: fromRoot('test/ioredis-5/global-setup.ts'), versions: otherClients() },
};

/** A long run of its own (`npm run rights`): a user of Redis and a role of PostgreSQL have what SECURITY.md lists. */
const underDocumentedRights: Project = {
  name: 'rights',
  // They share a role, which is of the whole server.
  group: 'loading',
  files: ['packages/core/test/integration/**/*.test.ts'],
};

export default defineConfig({
  test: {
    projects: [
      ...projects.map((project) => configOf(project, grounds[project.name])),
      ...(process.env['SPILLWAY_RIGHTS'] === 'documented'
        ? [
            configOf(underDocumentedRights, {
              globalSetup: fromRoot('test/rights/global-setup.ts'),
              setupFiles: [fromRoot('test/rights/as-limited-role.ts')],
              versions: limitedUserOfRedis(),
            }),
          ]
        : []),
    ].filter(({ test }) => test.include.length > 0),
  },
});

function configOf(
  project: Project,
  { globalSetup, setupFiles = [], timeoutMs = 60_000, versions }: Ground = onServers,
) {
  const { include, exclude } = filesOf(project, wanted);
  const { workers, isolate = true }: Group = groups[project.group];
  return {
    resolve,
    plugins: [esDecorators(), ...(versions ? [versions] : [])],
    oxc: { decorator: { legacy: true } },
    test: {
      name: project.name,
      include: [...include],
      exclude: [...configDefaults.exclude, ...exclude],
      globalSetup: [
        ...(project.onBuild ? [fromRoot('test/support/built.ts')] : []),
        ...(globalSetup ? [globalSetup] : []),
      ],
      setupFiles: [...setupFiles, ...(globalSetup ? [noDeprecatedPg] : [])],
      maxWorkers: workers,
      isolate,
      sequence: { groupOrder: Object.keys(groups).indexOf(project.group) },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
    },
  };
}
