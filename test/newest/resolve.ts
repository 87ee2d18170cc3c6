import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/** Where the newest MikroORM is installed: a package of its own, as packages of one version find only each other. */
export const folder: string = fileURLToPath(new URL('mikro-orm/', import.meta.url));

/** Lets sources and tests find the newest MikroORM instead of the repository's, by looking for it from `folder`. */
export function newestMikroOrm(): Plugin {
  return {
    name: 'newest-mikro-orm',
    enforce: 'pre',
    resolveId(source, _importer, options) {
      if (!source.startsWith('@mikro-orm/')) return undefined;
      return this.resolve(source, `${folder}package.json`, { ...options, skipSelf: true });
    },
  };
}
