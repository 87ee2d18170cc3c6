import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/** Where the other ioredis is installed. */
export const folder: string = fileURLToPath(new URL('packages/', import.meta.url));

/** Gives the tests the clients of that ioredis; Spillway's own is the newest all the same. */
export function otherClients(): Plugin {
  return {
    name: 'ioredis-5',
    enforce: 'pre',
    resolveId(source, importer, options) {
      if (source !== 'ioredis' || !importer?.endsWith('/test/support/clients.ts')) return undefined;
      return this.resolve(source, `${folder}package.json`, { ...options, skipSelf: true });
    },
  };
}
