import { cluster, freshNamespace, type TestCluster } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { type MapOptions, of, proxied, reshard } from './cluster-moves.js';
import { RequestCount } from './cut-proxy.js';
import { Library, makeBooks } from './fixture.js';
import { behindProxies } from './moves.js';
import { ALL, Sellers } from './sellers.js';

let servers: TestCluster;
let library: Library;
beforeAll(async () => {
  servers = await cluster(3);
  library = await Library.on(1);
}, 120_000);
afterAll(async () => {
  await library[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

type Redis = MapOptions['redis'];

/** The options before and after, by the ways to the single server and to the cluster. */
const MOVES: readonly (readonly [string, (single: Redis, many: Redis) => readonly [MapOptions, MapOptions]])[] = [
  ['into a cluster', (single, many) => [of(single, 16), of(many, 16)]],
  ['out of a cluster', (single, many) => [of(many, 16), of(single, 16)]],
  ['to another number within a cluster', (_, many) => [of(many, 16), of(many, 24)]],
];

/** How much of a move is made before it is interrupted. The first one is whole, and tells how many requests it is. */
const SHARES = [Number.POSITIVE_INFINITY, 0.5, 0.7, 0.85, 0.95];

test.each(MOVES)('F28: what is staged while shards go %s is written once, interrupted or not', async (_, mapsOf) => {
  const [from, to] = mapsOf(library.servers[0]?.url ?? '', servers.target);
  let requests = 0;
  for (const share of SHARES) {
    const namespace = freshNamespace();
    const first = await library.open({ namespace, ...from });
    await first.em.fork().getConnection().execute('delete from book');
    await makeBooks(first, ALL);
    await Spillway.of(first).drain();
    const sellers = new Sellers();
    for (let seed = 0; seed < 6; seed += 1)
      sellers.begin(await library.open({ namespace, ...from, worker: seed < 2 }), seed);
    const count = new RequestCount(requests === 0 ? share : Math.floor(share * requests));
    await using many = await proxied(servers, count);
    const { proxies, of: at } = await behindProxies(library, [0], count);
    const ways = mapsOf(at(0).nodes[0]?.redis ?? '', many.redis);
    const cut: unknown = await reshard(library, namespace, ...ways).catch((error: unknown) => error);
    requests ||= count.taken;
    count.mend();
    if (cut instanceof Error) await reshard(library, namespace, ...ways);
    for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
    await sellers.ended();
    const next = await library.open({ namespace, ...to });
    await Spillway.of(next).drain();
    const rows = await next.em
      .getConnection()
      .execute<{ id: number; sold: number }[]>('select id, sold from book order by id');
    expect([share, new Map(rows.map(({ id, sold }) => [id, sold]))]).toEqual([share, sellers.promised]);
    expect(await Spillway.of(next).deadLetters.list()).toEqual([]);
    expect(sellers.refused).toBe(6);
  }
});
