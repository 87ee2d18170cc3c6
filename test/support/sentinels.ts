import { Redis } from 'ioredis';
import { startRedis } from '../../tools/servers/redis.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
import { startSentinel } from '../../tools/servers/sentinel.mjs';
import { eventually } from './eventually.js';
import { areRightsLimited } from './limited.js';
import { makeLimitedUser } from './limited-user.js';
import { programOf } from './programs.js';

/** A primary, a replica and three sentinels, which one test owns and may maltreat. */
export interface Sentinels extends AsyncDisposable {
  /** As `redis` in the options of `spillway()` takes it. */
  readonly target: { readonly sentinels: readonly { host: string; port: number }[]; readonly name: string };
  /** The URL of the first primary. */
  readonly primaryUrl: string;
  /** Waits until the replica has everything that the primary has. */
  caughtUp(): Promise<void>;
  /** Stops the execution of the first primary: it still accepts connections, and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends all connections of clients that listen to this sentinel, and stops its execution. */
  freezeSentinel(index: number): Promise<void>;
  thawSentinel(index: number): void;
  /** Kills the first primary. */
  kill(): Promise<void>;
  /** Starts the first primary again, on its port and on its data; the sentinels make a replica of it. */
  restart(): Promise<void>;
  /** Asks a sentinel to put the replica in the place of the primary. */
  failOver(): Promise<void>;
  /** From now on the replica receives nothing, until it may follow again. */
  cutOffReplica(): Promise<void>;
  letReplicaFollow(): void;
  /** How many clients listen to this sentinel. */
  listeners(index: number): Promise<number>;
  /** Waits until all sentinels name the other server. */
  failedOver(): Promise<void>;
  /** Waits until the first primary follows the other server. */
  demoted(): Promise<void>;
}

interface SentinelSettings {
  /** How long the primary may be silent before the sentinels put the replica in its place. */
  readonly downAfterMs: number;
  /** Of the primary, as in redis.conf. */
  readonly primary?: Readonly<Record<string, string>>;
}

const NAME = 'shop';

/** Starts them on free ports. They end with the test run at the latest. */
export async function sentinels(settings: SentinelSettings): Promise<Sentinels> {
  const binary = programOf('redis');
  const folders = [makeRunFolder(), makeRunFolder(), makeRunFolder()] as const;
  const ofPrimary = { binary, folder: folders[0], settings: settings.primary ?? {} };
  let primary = await startRedis(ofPrimary);
  const { port: primaryPort, url: primaryUrl } = primary;
  const replica = await startRedis({
    binary,
    folder: folders[1],
    settings: { replicaof: `127.0.0.1 ${primaryPort}`, 'repl-diskless-sync-delay': '0' },
  });
  if (areRightsLimited()) for (const { url } of [primary, replica]) await makeLimitedUser(url);
  const eyes = [new Redis(primaryUrl), new Redis(replica.url)] as const;
  for (const eye of eyes) eye.on('error', () => undefined);
  const says = async (eye: Redis, pattern: RegExp): Promise<string> =>
    pattern.exec(await eye.info('replication'))?.[1] ?? '';
  const caughtUp = async (): Promise<void> => {
    await eventually(
      async () => {
        const sent = await says(eyes[0], /^master_repl_offset:(\d+)/mu);
        return sent !== '' && sent === (await says(eyes[0], /^slave0:.*state=online,offset=(\d+)/mu));
      },
      { what: 'the replica to have everything', timeoutMs: 30_000 },
    );
  };
  await caughtUp();
  const master = { name: NAME, port: primaryPort, quorum: 2, downAfterMs: settings.downAfterMs };
  const servers = await Promise.all([1, 2, 3].map(async () => startSentinel({ binary, folder: folders[2], master })));
  const asked = servers.map(({ url }) => new Redis(url));
  for (const client of asked) client.on('error', () => undefined);
  await knowAll(asked);
  return {
    target: { sentinels: servers.map(({ port }) => ({ host: '127.0.0.1', port })), name: NAME },
    primaryUrl,
    caughtUp,
    freeze: () => void process.kill(primary.pid, 'SIGSTOP'),
    thaw: () => void process.kill(primary.pid, 'SIGCONT'),
    kill: async () => primary.stop(),
    restart: async () => {
      primary = await startRedis({ ...ofPrimary, port: primaryPort });
    },
    failOver: async () => {
      // A sentinel that has just learned of the replica refuses for a moment.
      await eventually(async () => asked[0]?.call('SENTINEL', 'FAILOVER', NAME), { what: 'the sentinel to agree' });
    },
    cutOffReplica: async () => {
      process.kill(replica.pid, 'SIGSTOP');
      await eyes[0].call('CLIENT', 'KILL', 'TYPE', 'replica');
    },
    letReplicaFollow: () => void process.kill(replica.pid, 'SIGCONT'),
    freezeSentinel: async (index) => {
      await asked[index]?.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      process.kill(servers[index]?.pid ?? 0, 'SIGSTOP');
    },
    thawSentinel: (index) => void process.kill(servers[index]?.pid ?? 0, 'SIGCONT'),
    listeners: async (index) => {
      const clients = String(await asked[index]?.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
      return clients.split('\n').filter((line) => line.includes(' sub=1 ')).length;
    },
    failedOver: async () => {
      await eventually(
        async () => {
          const named = await Promise.all(asked.map(async (client) => ask(client, 'GET-MASTER-ADDR-BY-NAME')));
          return named.every(([, port]) => port === String(replica.port));
        },
        { what: 'the sentinels to name the other server', timeoutMs: 60_000 },
      );
    },
    demoted: async () => {
      await eventually(async () => (await says(eyes[0], /^role:(\w+)/mu)) === 'slave', {
        what: 'the first primary to follow the other server',
        timeoutMs: 60_000,
      });
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of [...eyes, ...asked]) client.disconnect();
      await Promise.all([...servers, replica, primary].map(async (server) => server.stop()));
      for (const folder of folders) removeFolder(folder);
    },
  };
}

/** Sentinels find each other, and the replica, by themselves; before that, they cannot fail over. */
async function knowAll(asked: readonly Redis[]): Promise<void> {
  await eventually(
    async () => {
      const known = await Promise.all(asked.map(async (client) => ask(client, 'MASTER')));
      return known.every((fields) => {
        const of = (name: string): string | undefined => fields[fields.indexOf(name) + 1];
        return of('num-other-sentinels') === '2' && of('num-slaves') === '1' && of('flags') === 'master';
      });
    },
    { what: 'the sentinels to know each other', timeoutMs: 60_000 },
  );
}

async function ask(client: Redis, command: string): Promise<readonly string[]> {
  return (await client.call('SENTINEL', command, NAME)) as readonly string[];
}
