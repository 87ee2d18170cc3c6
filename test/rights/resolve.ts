import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const limited = fileURLToPath(new URL('limited-redis.ts', import.meta.url));

/** Lets Spillway connect to Redis as the limited user; tests go on looking at Redis as its administrator. */
export function limitedUserOfRedis(): Plugin {
  return {
    name: 'rights',
    enforce: 'pre',
    resolveId(source, importer) {
      return source === 'ioredis' && importer?.endsWith('/staging/redis/connection.ts') ? limited : undefined;
    },
  };
}
