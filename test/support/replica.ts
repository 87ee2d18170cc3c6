import { copyCluster, makeClusterFolder, settingsOfTests, startPostgres } from '../../tools/servers/postgres.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
import pg from 'pg';
import type { PrivatePostgres } from './postgres.js';
import { programOf } from './programs.js';

/** A streaming replica of a cluster. */
export interface Replica extends AsyncDisposable {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts a replica that has everything that the cluster has now, and follows it.
 *
 * @param settings as in postgresql.conf: `{ recovery_min_apply_delay: '1h' }` for one that lags
 */
export async function replicaOf(
  { url, port }: Pick<PrivatePostgres, 'url' | 'port'>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const bin = programOf('postgres');
  const runFolder = makeRunFolder();
  const folder = makeClusterFolder(runFolder);
  await backUp(url, async (data, backedUp) => copyCluster({ data, folder, port, backedUp }));
  const server = await startPostgres({ bin, folder, settings: { ...settingsOfTests, ...settings } });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
    removeFolder(runFolder);
  };
  return { port: server.port, stop, [Symbol.asyncDispose]: stop };
}

type BackedUp = (copy: () => Promise<void>) => Promise<string>;

/** A backup begins and ends on one connection. */
async function backUp(url: string, act: (data: string, backedUp: BackedUp) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const answer = async (sql: string): Promise<string> => {
    const { rows } = await client.query<{ answer: string }>(sql);
    return rows[0]?.answer ?? '';
  };
  try {
    await act(await answer(`select current_setting('data_directory') as answer`), async (copy) => {
      await client.query(`select pg_backup_start('replica', true)`);
      await copy();
      return answer('select labelfile as answer from pg_backup_stop(false)');
    });
  } finally {
    await client.end();
  }
}
