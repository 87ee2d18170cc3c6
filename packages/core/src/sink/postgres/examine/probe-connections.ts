import pg from 'pg';
import type { ConnectionsFound } from '../../database-examination.js';
import { connectFailureOf } from '../fault.js';
import { cutOff } from '../open-clients.js';

/** A connection, and the process of the server that has answered on it first. */
interface Probe {
  readonly client: pg.Client;
  readonly process: number;
}

/**
 * Takes connections as a worker would, and looks what stands between. A pooler names a process of its own when a client
 * connects, so the one that `pg_backend_pid()` answers is another. A pooler by transactions gives the next client the
 * connection of the server that the client before it has just used, although that one is still connected.
 *
 * @param timeoutMs how long all of them together may take to be in a transaction
 */
export async function probeConnections(
  { Client = pg.Client, ...config }: pg.PoolConfig,
  count: number,
  timeoutMs: number,
): Promise<ConnectionsFound> {
  const make = Client as unknown as new (config: pg.ClientConfig) => pg.Client;
  const clients: pg.Client[] = [];
  const probes: Probe[] = [];
  const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
  const timer = setTimeout(giveUp, timeoutMs);
  const connectAll = async (): Promise<Error | undefined> => {
    try {
      while (probes.length < count) probes.push(await connect(make, config, clients));
      return undefined;
    } catch (error) {
      return connectFailureOf(error);
    }
  };
  try {
    const refusal = await Promise.race([connectAll(), late]);
    const areAll = probes.length === count;
    const got = areAll ? await held(probes, late) : probes.length;
    return { got, ...(refusal && { refusal }), ...poolingOf(probes) };
  } finally {
    clearTimeout(timer);
    for (const client of clients) cutOff(client);
  }
}

async function connect(
  make: new (config: pg.ClientConfig) => pg.Client,
  config: pg.ClientConfig,
  clients: pg.Client[],
): Promise<Probe> {
  const client = new make({ application_name: 'spillway', ...config });
  clients.push(client);
  // It is cut off at the end.
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return { client, process: Number(rows[0]?.pid) };
}

/** How many of them are in a transaction at the same time. */
async function held(probes: readonly Probe[], late: Promise<void>): Promise<number> {
  let inside = 0;
  const begun = probes.map(async ({ client }) => {
    await client.query('begin');
    await client.query('select 1');
    inside += 1;
  });
  await Promise.race([Promise.allSettled(begun), late]);
  return inside;
}

function poolingOf(probes: readonly Probe[]): Pick<ConnectionsFound, 'isPooled' | 'isByTransaction'> {
  const processes = new Set(probes.map(({ process }) => process));
  return {
    isPooled: probes.some(({ client, process }) => Reflect.get(client, 'processID') !== process),
    isByTransaction: processes.size < probes.length,
  };
}
