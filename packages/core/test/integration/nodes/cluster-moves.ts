import type { MikroORM } from '@mikro-orm/postgresql';
import type { TestCluster } from '@spillway/test-support';
import { keyText } from '../../../src/change/row-key.js';
import { type RedisClusterOptions, Spillway, type SpillwayOptions } from '../../../src/index.js';
import type { ReshardReport } from '../../../src/runtime/resharding.js';
import { CutProxy, type RequestCount } from './cut-proxy.js';
import { Book, type Library, makeBooks } from './fixture.js';
import { IDS, MISSING } from './moves.js';

export type MapOptions = Required<Pick<SpillwayOptions, 'redis' | 'shards'>>;

export function of(redis: MapOptions['redis'], shards: number): MapOptions {
  return { redis, shards };
}

/** The cluster, each of its servers behind a proxy that goes away after so many requests. */
export async function proxied(
  { servers, target }: TestCluster,
  count: RequestCount,
): Promise<AsyncDisposable & { readonly redis: RedisClusterOptions }> {
  const proxies = new Map<number, CutProxy>();
  for (const { port, url } of servers) proxies.set(port, await CutProxy.before(url, count));
  const places = [...proxies].map(([port, { url }]) => [port, Number(new URL(url).port)] as const);
  const natMap = Object.fromEntries(
    places.map(([port, to]) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: to }] as const),
  );
  return {
    redis: {
      cluster: target.cluster.map(({ host, port }) => ({ host, port: new Map(places).get(port) ?? port })),
      natMap,
    },
    [Symbol.asyncDispose]: async () => {
      for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Books that are written, a change of each that is pending, and dead letters. */
export async function fill(library: Library, namespace: string, map: MapOptions): Promise<MikroORM> {
  const orm = await library.open({ namespace, ...map });
  await orm.em.fork().getConnection().execute('delete from book');
  await makeBooks(orm, IDS);
  for (const id of MISSING) await Spillway.of(orm).increment(Book, id, { sold: 1 });
  await Spillway.of(orm).drain();
  for (const id of IDS) await Spillway.of(orm).increment(Book, id, { sold: 1 });
  return orm;
}

export async function reshard(
  library: Library,
  namespace: string,
  from: MapOptions,
  to: MapOptions,
): Promise<ReshardReport> {
  const orm = await library.open({ namespace, ...from });
  try {
    return await Spillway.of(orm).reshard(to);
  } finally {
    await orm.close();
  }
}

export async function missingOnes(orm: MikroORM): Promise<readonly string[]> {
  const letters = await Spillway.of(orm).deadLetters.list();
  return letters.map(({ code, rowKey }) => `${code} ${keyText(rowKey)}`).toSorted();
}
