import { findPgBouncer } from '../../tools/servers/find.mjs';
import { startPgBouncer } from '../../tools/servers/pgbouncer.mjs';
import { makeClusterFolder } from '../../tools/servers/postgres.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';

/** A PgBouncer that one test owns. */
export interface PrivatePgBouncer extends AsyncDisposable {
  /** The database's URL with the pooler's port. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Whether this machine has PgBouncer. If not, that is printed, once for each file that asks. */
export function hasPgBouncer(): boolean {
  const isThere = findPgBouncer(process.env) !== undefined;
  // oxlint-disable-next-line no-console -- a test that is skipped has nobody else to say so
  if (!isThere) console.log('PgBouncer is not installed, so its tests are skipped: apt-get install pgbouncer');
  return isThere;
}

/**
 * Starts a PgBouncer in transaction mode before a database.
 *
 * @param settings as in pgbouncer.ini: `{ default_pool_size: '1' }`
 */
export async function pgBouncer(
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PrivatePgBouncer> {
  const binary = findPgBouncer(process.env);
  if (binary === undefined) throw new Error('PgBouncer is not installed: ask hasPgBouncer() first.');
  const runFolder = makeRunFolder();
  const folder = makeClusterFolder(runFolder);
  const server = await startPgBouncer({ binary, folder, target: new URL(databaseUrl), settings });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
    removeFolder(runFolder);
  };
  return { url: server.url, stop, [Symbol.asyncDispose]: stop };
}
