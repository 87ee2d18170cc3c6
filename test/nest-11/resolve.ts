import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/**
 * Where the oldest supported NestJS is installed, with a MikroORM beside it: what Nest injects by class must be one
 * class for both.
 */
export const folder: string = fileURLToPath(new URL('packages/', import.meta.url));

const THERE = /^(@nestjs|@mikro-orm)\/|^(rxjs|reflect-metadata)(\/|$)/u;

/** Lets sources and tests find the oldest supported NestJS instead of the newest, by looking for it from `folder`. */
export function oldestNest(): Plugin {
  return {
    name: 'oldest-nest',
    enforce: 'pre',
    resolveId(source, _importer, options) {
      if (!THERE.test(source)) return undefined;
      return this.resolve(source, `${folder}package.json`, { ...options, skipSelf: true });
    },
  };
}
