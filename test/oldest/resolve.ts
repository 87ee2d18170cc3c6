import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/**
 * Where the oldest supported MikroORM is installed: a package of its own, as packages of one version find only each
 * other.
 */
export const folder: string = fileURLToPath(new URL('mikro-orm/', import.meta.url));

/** Lets sources and tests find the oldest supported MikroORM instead of the newest, by looking for it from `folder`. */
export function oldestMikroOrm(): Plugin {
  return {
    name: 'oldest-mikro-orm',
    enforce: 'pre',
    resolveId(source, _importer, options) {
      if (!source.startsWith('@mikro-orm/')) return undefined;
      return this.resolve(source, `${folder}package.json`, { ...options, skipSelf: true });
    },
  };
}
