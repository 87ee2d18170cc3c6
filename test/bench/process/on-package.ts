/**
 * Given to Node by `--import`: a side uses the compiled package in the folder that SPILLWAY_BENCH_PACKAGE names, and
 * the copies of MikroORM, ioredis and pg that this package finds. Packages that it does not find are the repository's.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.env['SPILLWAY_BENCH_PACKAGE'];
if (folder === undefined)
  throw new Error('SPILLWAY_BENCH_PACKAGE has to name the folder of a compiled @spillway/core.');
const entry = pathToFileURL(`${folder}/dist/index.js`).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@spillway/core') return next(entry, context);
    // TypeScript names a file by what it is compiled to.
    if (/^\.{1,2}\//.test(specifier) && context.parentURL?.endsWith('.ts'))
      return next(specifier.replace(/\.js$/, '.ts'), context);
    if (!/^[@a-z]/.test(specifier) || /^\w+:/.test(specifier)) return next(specifier, context);
    for (const parentURL of isOurs(context.parentURL) ? [entry] : [context.parentURL, entry]) {
      try {
        return next(specifier, { ...context, parentURL });
      } catch {
        // The package has none of its own: an unpacked archive has no node_modules.
      }
    }
    return next(specifier, { ...context, parentURL: import.meta.url });
  },
});

function isOurs(parent: string | undefined): boolean {
  return parent?.includes('/test/bench/') === true && !parent.includes('/node_modules/');
}
