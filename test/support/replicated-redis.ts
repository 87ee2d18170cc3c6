import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { type PrivateRedis, redis } from './redis.js';

/** A primary with replicas, which one test owns and may maltreat. Nobody fails over. */
export interface ReplicatedRedis extends AsyncDisposable {
  readonly primary: PrivateRedis;
  readonly replicas: readonly PrivateRedis[];
  /** Waits until the primary says that this many replicas are online. */
  online(count: number): Promise<void>;
}

/**
 * Starts them on free ports. They end with the test run at the latest.
 *
 * @param settings of all of them, as `redis()` takes them
 */
export async function redisWithReplicas(
  count: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<ReplicatedRedis> {
  const primary = await redis({ 'repl-diskless-sync-delay': '0', ...settings });
  const replicaof = `127.0.0.1 ${primary.port}`;
  const replicas = await Promise.all(Array.from({ length: count }, async () => redis({ ...settings, replicaof })));
  const eye = new Redis(primary.url);
  eye.on('error', () => undefined);
  const online = async (wanted: number): Promise<void> => {
    await eventually(async () => [...(await eye.info('replication')).matchAll(/state=online/gu)].length === wanted, {
      what: `${wanted} replicas to be online`,
      timeoutMs: 30_000,
    });
  };
  await online(count);
  // A primary calls a replica online before it has acknowledged anything.
  await eye.publish('replicas', 'follow');
  await eye.wait(count, 30_000);
  return {
    primary,
    replicas,
    online,
    [Symbol.asyncDispose]: async () => {
      eye.disconnect();
      await Promise.all([...replicas, primary].map(async (server) => server.stop()));
    },
  };
}
