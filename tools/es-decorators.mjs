/**
 * A vite plugin for files named `*.es.ts` and `*.es.test.ts`: their decorators are the standard ones. All other files
 * have TypeScript's legacy decorators, which vite compiles by itself; the standard ones it leaves as they are.
 */
import { transform } from 'esbuild';

/** @returns {import('vite').Plugin} */
export function esDecorators() {
  return {
    name: 'es-decorators',
    enforce: 'pre',
    async transform(/** @type {string} */ source, /** @type {string} */ id) {
      if (!/\.es(\.test)?\.ts$/.test(id)) return undefined;
      return transform(source, {
        loader: 'ts',
        target: 'es2022',
        sourcefile: id,
        sourcemap: true,
        tsconfigRaw: { compilerOptions: { experimentalDecorators: false } },
      });
    },
  };
}
