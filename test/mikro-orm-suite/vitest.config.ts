import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { packagesOfSuite } from './resolve.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Runs the files of the checkout that `main.ts` names, many in one process, as MikroORM's own configuration does. */
export default defineConfig({
  root: process.env['MIKRO_ORM_TESTS'] ?? '.',
  plugins: [packagesOfSuite()],
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    globals: true,
    include: ['tests/**/*.test.ts'],
    setupFiles: [here('set-up.ts')],
    pool: 'forks',
    isolate: false,
    maxWorkers: Number(process.env['SPILLWAY_SUITE_WORKERS'] ?? 2),
    clearMocks: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
