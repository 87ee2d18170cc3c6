import { SpillwayError } from '../../errors.js';
import { nodeOfCluster } from './redis-errors.js';
import type { ServerLink } from './server-link.js';

/** How the server keeps its data. `unverified`: it does not let us ask. */
export type Keeping = 'kept' | 'volatile' | 'unverified';

/**
 * A sentinel knows where Redis is, and holds no data. A node of a cluster has some of the slots.
 *
 * @throws SpillwayError `CONFIG_INVALID`
 */
export async function refuseMode(connection: ServerLink): Promise<void> {
  const { mode } = await connection.serverKind();
  if (mode === 'cluster') throw nodeOfCluster(connection.server, 'redis_mode:cluster');
  if (mode !== 'sentinel') return;
  const [host, port] = connection.server.split(':');
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${connection.server} is a sentinel, which knows where Redis is and holds nothing itself; nothing was staged. ` +
      `Give the "redis" option sentinels: [{ host: '${host}', port: ${port} }], all of them, and the name of the master`,
  );
}

/**
 * Asks once if this Redis may lose staged changes: by evicting keys, or by not writing them to disk.
 *
 * @throws SpillwayError `REDIS_VOLATILE` unless `acceptVolatile`
 */
export async function checkKeeping(connection: ServerLink, acceptVolatile: boolean): Promise<Keeping> {
  const settings = await settingsOf(connection);
  if (settings === undefined) return 'unverified';

  const found: string[] = [];
  if (settings.evicts)
    found.push(
      `evicts keys when its memory is full (maxmemory-policy ${settings.evictionPolicy}). Set "maxmemory-policy noeviction"`,
    );
  if (!settings.persists) found.push(`keeps nothing over a restart (no AOF and no save points). Set "appendonly yes"`);
  if (found.length === 0) return 'kept';
  if (acceptVolatile) return 'volatile';
  throw new SpillwayError(
    'REDIS_VOLATILE',
    `Redis at ${connection.server} ${found.join('; and it ')}. Staged changes would be lost; if that is meant, set "acceptVolatile: true"`,
  );
}

/** How a server treats its data. */
export interface Settings {
  readonly evictionPolicy: string;
  readonly evicts: boolean;
  /** What it has is on disk, by an append-only file or by save points. */
  readonly persists: boolean;
  readonly hasAppendOnlyFile: boolean;
}

/** `undefined`: the server does not let itself be asked. */
export async function settingsOf(connection: ServerLink): Promise<Settings | undefined> {
  const evictionPolicy = await setting(connection, 'maxmemory-policy');
  const appendOnly = await setting(connection, 'appendonly');
  const savePoints = await setting(connection, 'save');
  if (evictionPolicy === undefined || appendOnly === undefined || savePoints === undefined) return undefined;
  const hasAppendOnlyFile = appendOnly === 'yes';
  return {
    evictionPolicy,
    evicts: evictionPolicy !== 'noeviction',
    persists: hasAppendOnlyFile || savePoints !== '',
    hasAppendOnlyFile,
  };
}

async function setting(connection: ServerLink, name: string): Promise<string | undefined> {
  try {
    const answer = (await connection.command('CONFIG', ['GET', name])) as readonly Buffer[];
    return answer[1]?.toString();
  } catch (error) {
    if (isUnanswered(error)) throw error;
    return undefined;
  }
}

/** False if the server has answered: managed services forbid `CONFIG`, or do not know it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof SpillwayError && error.code !== 'CONFIG_INVALID';
}
