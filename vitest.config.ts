import { configDefaults, defineConfig } from 'vitest/config';
import { otherClients } from './test/ioredis-5/resolve.js';
import { oldestNest } from './test/nest-11/resolve.js';
import { newestMikroOrm } from './test/newest/resolve.js';
import { oldestMikroOrm } from './test/oldest/resolve.js';
import { limitedUserOfRedis } from './test/rights/resolve.js';
import { esDecorators } from './tools/es-decorators.mjs';

const fromRoot = (path: string): string => new URL(path, import.meta.url).pathname;
const servers = fromRoot('test/support/global-setup.ts');
const noDeprecatedPg = fromRoot('test/support/no-deprecated-pg.ts');

/** Examples run as a user runs them: their compiled programs, on servers. */
const serverTestsOfExamples = 'examples/*/test/**/*.servers.test.ts';

/** Tests run on the sources, so that a change needs no build before it is seen. */
const shared = {
  resolve: {
    alias: [
      { find: /^@spillway\/core$/, replacement: fromRoot('packages/core/src/index.ts') },
      { find: /^@spillway\/nestjs$/, replacement: fromRoot('packages/nestjs/src/index.ts') },
      { find: /^@spillway\/core\/testing$/, replacement: fromRoot('packages/core/src/testing/index.ts') },
    ],
  },
  plugins: [esDecorators()],
  oxc: { decorator: { legacy: true } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['packages/*/test/unit/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, serverTestsOfExamples],
          testTimeout: 60_000,
        },
      },
      { ...shared, test: { name: 'rooms', include: ['test/rooms/**/*.test.ts'], testTimeout: 60_000 } },
      { ...shared, test: { name: 'tools', include: ['test/tools/**/*.test.ts'], testTimeout: 60_000 } },
      onServers('contract', 'packages/*/test/contract/**/*.test.ts'),
      onServers('integration', 'packages/*/test/integration/**/*.test.ts'),
      onServers('fault', 'test/fault/**/*.test.ts'),
      onServers('differential', 'test/differential/**/*.test.ts'),
      onServers('docs', 'test/docs/**/*.test.ts'),
      onServers('examples', serverTestsOfExamples, 180_000),
      onServers('consumer', 'test/consumer/**/*.test.ts', 10 * 60_000),
      onOldestMikroOrm('packages/*/test/integration/mikro-orm/**/*.test.ts', 'test/oldest/*.test.ts'),
      onNewestMikroOrm(
        'test/newest/*.test.ts',
        // A long run of its own: `npm run matrix`.
        ...(process.env['SPILLWAY_MATRIX'] === 'all' ? ['packages/core/test/integration/**/*.test.ts'] : []),
      ),
      onOldestNest('packages/nestjs/test/integration/**/*.test.ts', 'test/nest-11/*.test.ts'),
      ...(process.env['SPILLWAY_RIGHTS'] === 'documented'
        ? [underDocumentedRights('packages/core/test/integration/**/*.test.ts')]
        : []),
      onIoredis5('packages/core/test/contract/ioredis-options.test.ts', 'test/ioredis-5/*.test.ts'),
    ],
  },
});

function onServers(name: string, files: string, timeoutMs = 60_000) {
  return {
    ...shared,
    test: {
      name,
      include: [files],
      globalSetup: servers,
      setupFiles: [noDeprecatedPg],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
    },
  };
}

/** What the extension does in MikroORM, once more on the oldest version that it supports. */
function onOldestMikroOrm(...include: string[]) {
  const { test } = onServers('oldest', '');
  const setUp = fromRoot('test/oldest/global-setup.ts');
  return {
    ...shared,
    plugins: [...shared.plugins, oldestMikroOrm()],
    test: { ...test, include, globalSetup: setUp },
  };
}

/** The version promise, and in the matrix all of the extension, once more on the newest MikroORM. PGlite has none so new. */
function onNewestMikroOrm(...include: string[]) {
  const { test } = onServers('newest', '');
  const exclude = [...configDefaults.exclude, '**/integration/pglite/**'];
  const setUp = fromRoot('test/newest/global-setup.ts');
  return {
    ...shared,
    plugins: [...shared.plugins, newestMikroOrm()],
    test: { ...test, include, exclude, globalSetup: setUp },
  };
}

/** The NestJS package once more on the oldest NestJS that it supports. What imports Nest must find that one, so it is not left to Node. */
function onOldestNest(...include: string[]) {
  const { test } = onServers('nest-11', '');
  return {
    ...shared,
    plugins: [...shared.plugins, oldestNest()],
    test: { ...test, include, globalSetup: fromRoot('test/nest-11/global-setup.ts') },
  };
}

/** What Spillway does with a client that it is given, once more with clients of another version of ioredis. */
function onIoredis5(...include: string[]) {
  const { test } = onServers('ioredis-5', '');
  return {
    ...shared,
    plugins: [...shared.plugins, otherClients()],
    test: { ...test, include, globalSetup: fromRoot('test/ioredis-5/global-setup.ts') },
  };
}

/** A long run of its own (`npm run rights`): as a user of Redis, and a role of PostgreSQL, that have what SECURITY.md lists. */
function underDocumentedRights(...include: string[]) {
  const { test } = onServers('rights', '');
  return {
    ...shared,
    plugins: [...shared.plugins, limitedUserOfRedis()],
    test: {
      ...test,
      include,
      // It has roles of its own, and clears tables that an administrator has made.
      exclude: [...configDefaults.exclude, '**/another-schema.test.ts'],
      globalSetup: fromRoot('test/rights/global-setup.ts'),
      setupFiles: [fromRoot('test/rights/as-limited-role.ts'), noDeprecatedPg],
    },
  };
}
