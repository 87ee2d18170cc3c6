import { copyCluster, makeClusterFolder, settingsOfTests, startPostgres } from '../../tools/servers/postgres.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
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
  { port }: Pick<PrivatePostgres, 'port'>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const bin = programOf('postgres');
  const runFolder = makeRunFolder();
  const folder = makeClusterFolder(runFolder);
  await copyCluster({ bin, folder, port });
  const server = await startPostgres({ bin, folder, settings: { ...settingsOfTests, ...settings } });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
    removeFolder(runFolder);
  };
  return { port: server.port, stop, [Symbol.asyncDispose]: stop };
}
