import { Redis } from 'ioredis';
import { startRedisCluster } from '../../tools/servers/redis-cluster.mjs';
import { makeRunFolder, removeFolder } from '../../tools/servers/run-folder.mjs';
import { eventually } from './eventually.js';
import { areRightsLimited } from './limited.js';
import { makeLimitedUser } from './limited-user.js';
import { programOf } from './programs.js';

/** A Redis Cluster that one test owns and may maltreat. */
export interface TestCluster extends AsyncDisposable {
  /** The primaries of the beginning, then their replicas in the same order. */
  readonly servers: readonly ClusterServer[];
  /** As `redis` in the options of `spillway()` takes it. */
  readonly target: { readonly cluster: readonly { readonly host: string; readonly port: number }[] };
  /** A command to one server. */
  command(server: ClusterServer, ...args: readonly [string, ...(string | number)[]]): Promise<unknown>;
  /** The slots of all keys that begin so, each with the server that has it. */
  slotsOf(prefix: string): Promise<ReadonlyMap<number, ClusterServer>>;
  /** Says that a slot is on its way from one server to another: it is on both until it has moved. */
  beginMove(slot: number, from: ClusterServer, to: ClusterServer): Promise<void>;
  /** Moves the keys of a slot whose move has begun. */
  moveKeys(slot: number, from: ClusterServer, to: ClusterServer): Promise<void>;
  /** Says to all servers where the slot is now. */
  endMove(slot: number, to: ClusterServer): Promise<void>;
  /** All three steps. */
  move(slot: number, from: ClusterServer, to: ClusterServer): Promise<void>;
  /** Waits until the replicas of a primary have everything. */
  caughtUp(primary: ClusterServer): Promise<void>;
  /** Waits until the server is a primary. */
  promoted(replica: ClusterServer): Promise<void>;
}

export interface ClusterServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** As CLUSTER NODES has it. */
  readonly id: string;
  /** Kills the server. */
  stop(): Promise<void>;
  /** Starts it again after that, on its port and on its data. */
  restart(): Promise<void>;
}

/** The rights that a cluster needs beside those of one server. */
const OF_CLUSTER: readonly string[] = ['+cluster|slots', '+asking'];

/**
 * Starts primaries that share the slots evenly, and behind them as many replicas of each. They end with the test run at
 * the latest.
 *
 * @param settings of each server, as in redis.conf
 */
export async function cluster(
  primaries: number,
  replicas = 0,
  settings: (place: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<TestCluster> {
  const folder = makeRunFolder();
  const binary = programOf('redis');
  const { servers, stop } = await startRedisCluster({ binary, folder, primaries, replicas, settings });
  if (areRightsLimited()) for (const { url } of servers) await makeLimitedUser(url, OF_CLUSTER);
  const clients = new Map(servers.map(({ url, id }) => [id, clientOf(url)]));
  const command: TestCluster['command'] = async ({ id }, ...args) => clients.get(id)?.call(...args);
  const everywhere = async (...args: readonly [string, ...(string | number)[]]): Promise<void> => {
    await Promise.all(servers.slice(0, primaries).map(async (server) => command(server, ...args)));
  };
  const beginMove: TestCluster['beginMove'] = async (slot, from, to) => {
    await command(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await command(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  };
  const moveKeys: TestCluster['moveKeys'] = async (slot, from, to) => {
    for (;;) {
      const keys = (await command(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 4)) as string[];
      if (keys.length === 0) return;
      await command(from, 'MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
    }
  };
  const endMove: TestCluster['endMove'] = async (slot, to) => {
    await command(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    await everywhere('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  };
  return {
    servers,
    target: { cluster: servers.slice(0, primaries).map(({ port }) => ({ host: '127.0.0.1', port })) },
    command,
    slotsOf: async (prefix) => {
      const slots = new Map<number, ClusterServer>();
      for (const server of servers.slice(0, primaries))
        for (const key of (await command(server, 'KEYS', `${prefix}*`)) as string[])
          slots.set(Number(await command(server, 'CLUSTER', 'KEYSLOT', key)), server);
      return slots;
    },
    beginMove,
    moveKeys,
    endMove,
    move: async (slot, from, to) => {
      await beginMove(slot, from, to);
      // A key may be made here after the others have left.
      await moveKeys(slot, from, to);
      await endMove(slot, to);
    },
    caughtUp: async (primary) => {
      const behind = async (): Promise<boolean> => {
        const text = String(await command(primary, 'INFO', 'replication'));
        const sent = /^master_repl_offset:(\d+)/mu.exec(text)?.[1];
        const had = [...text.matchAll(/^slave\d+:.*state=online,offset=(\d+)/gmu)].map(([, offset]) => offset);
        return had.length < replicas || had.some((offset) => offset !== sent);
      };
      await eventually(async () => !(await behind()), { what: 'the replicas to have everything', timeoutMs: 30_000 });
    },
    promoted: async (replica) => {
      const role = async (): Promise<string> => String(await command(replica, 'INFO', 'replication'));
      await eventually(async () => (await role()).includes('role:master'), {
        what: 'the replica to become a primary',
        timeoutMs: 60_000,
      });
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients.values()) client.disconnect();
      await stop();
      removeFolder(folder);
    },
  };
}

function clientOf(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined);
  return client;
}
