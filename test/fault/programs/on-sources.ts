/**
 * Given to Node by `--import`: lets a program of these tests run as it is written, on the sources, as vitest runs the
 * tests themselves. A process that runs yesterday's build would test something else than the test that started it.
 */
import { registerHooks } from 'node:module';

const core = new URL('../../../packages/core/src/', import.meta.url);
const sources: Readonly<Record<string, URL>> = {
  '@spillway/core': new URL('index.ts', core),
  '@spillway/core/testing': new URL('testing/index.ts', core),
};

registerHooks({
  resolve(specifier, context, next) {
    const source = sources[specifier];
    if (source) return next(source.href, context);
    // TypeScript names a file by what it is compiled to.
    const isOurs = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
    return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
