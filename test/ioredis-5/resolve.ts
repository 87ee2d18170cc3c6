import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/** Where the other ioredis is installed. */
export const folder: string = fileURLToPath(new URL('packages/', import.meta.url));

const USERS = ['/test/support/clients.ts', '/staging/redis/connection.ts'];

/** Gives that ioredis to the clients that tests pass in, and to those that Spillway makes; tests look with the newest. */
export function otherClients(): Plugin {
  return {
    name: 'ioredis-5',
    enforce: 'pre',
    resolveId(source, importer, options) {
      if (source !== 'ioredis' || !USERS.some((file) => importer?.endsWith(file))) return undefined;
      return this.resolve(source, `${folder}package.json`, { ...options, skipSelf: true });
    },
  };
}
