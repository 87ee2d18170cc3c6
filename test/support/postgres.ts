import { childrenOf, isRunning } from '../../tools/servers/children.mjs';
import { makeClusterFolder, settingsOfTests, startPostgres } from '../../tools/servers/postgres.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
import { limitRights } from './documented-rights.js';
import { eventually } from './eventually.js';
import { areRightsLimited } from './limited.js';
import { programOf } from './programs.js';

/** A PostgreSQL cluster that one test owns and may maltreat. */
export interface PrivatePostgres extends AsyncDisposable {
  /** The superuser's, on the database `postgres`; give it to `database({ url })` for one of your own. */
  readonly url: string;
  readonly port: number;
  /** The server's log. */
  readonly log: string;
  /** Kills the server with all its backends. Committed data is found again by `restart`. */
  kill9(): Promise<void>;
  /**
   * Starts a server that is down again: on its port and on its data, with the settings given now added to the first.
   */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a cluster of your own (about a second), which ends with the test run at the latest.
 *
 * @param settings as in postgresql.conf
 */
export async function postgres(settings: Readonly<Record<string, string>> = {}): Promise<PrivatePostgres> {
  const bin = programOf('postgres');
  const runFolder = makeRunFolder();
  const folder = makeClusterFolder(runFolder);
  const start = (over: Readonly<Record<string, string>>, port?: number) =>
    startPostgres({
      bin,
      folder,
      settings: { ...settingsOfTests, ...settings, ...over },
      ...(port !== undefined && { port }),
    });
  let server = await start({});
  if (areRightsLimited()) await limitRights(server.url);

  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
    removeFolder(runFolder);
  };
  return {
    url: server.url,
    port: server.port,
    log: server.log,
    async kill9() {
      const all = [server.pid, ...childrenOf(server.pid)];
      for (const pid of all) process.kill(pid, 'SIGKILL');
      await eventually(() => server.hasEnded() && !all.some(isRunning), { what: 'the killed PostgreSQL to be gone' });
    },
    async restart(over = {}) {
      if (!server.hasEnded()) throw new Error('This PostgreSQL is still up: call kill9() before restart().');
      server = await start(over, server.port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
