import { startRedis } from '../../tools/servers/redis.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
import { areRightsLimited } from './limited.js';
import { makeLimitedUser } from './limited-user.js';
import { programOf } from './programs.js';

/** A Redis that one test owns and may maltreat. */
export interface PrivateRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Kills the server. What it had written to its append-only file is found again by `restart`. */
  kill9(): Promise<void>;
  /**
   * Starts a server that is down again: on its port and on its data, with the settings given now added to the first.
   */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Stops the server's execution: it still accepts connections, and answers nothing. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/**
 * Starts a Redis of your own, which ends with the test run at the latest.
 *
 * @param settings as in redis.conf, over the defaults `appendonly yes`, `appendfsync everysec`,
 * `maxmemory-policy noeviction` and no snapshots
 */
export async function redis(settings: Readonly<Record<string, string>> = {}): Promise<PrivateRedis> {
  const binary = programOf('redis');
  const folder = makeRunFolder();
  const start = async (over: Readonly<Record<string, string>>, port?: number) => {
    const place = { binary, folder, ...(port !== undefined && { port }) };
    const started = await startRedis({ ...place, settings: { ...settings, ...over } });
    if (areRightsLimited()) await makeLimitedUser(started.url);
    return started;
  };
  let server = await start({});

  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
  };
  return {
    url: server.url,
    port: server.port,
    kill9: () => server.stop(),
    async restart(over = {}) {
      if (!server.hasEnded()) throw new Error('This Redis is still up: call kill9() before restart().');
      server = await start(over, server.port);
    },
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
