import { CacheAccess } from '../read/cache-access.js';
import { CacheLine } from '../read/cache-line.js';
import { CacheTrust } from '../read/cache-trust.js';
import { openPostgresDoubts } from '../sink/postgres/cache/open-postgres-doubts.js';
import type { StagingStore } from '../staging/staging-store.js';
import { cachedHere } from './parts.js';
import type { RuntimeSurroundings } from './surroundings.js';

/**
 * The cache of an ORM. It connects at its first use.
 * @param open opens the staging store, or answers the open one
 */
export function openCache(
  { options, types, database, home, logger }: RuntimeSurroundings,
  open: () => Promise<StagingStore>,
): CacheAccess {
  const { connection, hooks, shared, schema } = database();
  const doubts = openPostgresDoubts({
    connection,
    hooks,
    home,
    shared,
    schema: options.tables.schema ?? schema ?? 'public',
    namespace: options.namespace,
    copied: cachedHere(types).map(({ table }) => table),
    onIdleError: (error) => logger.warn(`Spillway: a PostgreSQL connection was lost while idle: ${error.message}`),
  });
  const line = new CacheLine({
    open: async () => (await open()).cache,
    probe: async () => (await open()).due.next(),
  });
  const trust = new CacheTrust({ doubts, forgetCopies: async () => (await open()).cache.clear() });
  return new CacheAccess(line, trust, doubts);
}
