import { cluster, eventually, freshNamespace, sized, type TestCluster } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fill, type MapOptions, missingOnes, of, proxied, reshard } from './cluster-moves.js';
import { RequestCount } from './cut-proxy.js';
import { Book, Library } from './fixture.js';
import { behindProxies, IDS, lockRow, MISSING, sold } from './moves.js';

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
  ['from one server to a cluster', (single, many) => [of(single, 16), of(many, 24)]],
  ['from a cluster to one server', (single, many) => [of(many, 16), of(single, 8)]],
  ['to another number of shards in a cluster', (_, many) => [of(many, 16), of(many, 24)]],
];

/** The shares of a move after which it is cut. */
const CUTS = sized({ short: [0.5, 0.8], long: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95] });

/** Moves by ways that are cut after so many requests, and then, if they were, mended. Answers how many were sent. */
async function moved(
  namespace: string,
  mapsOf: (single: Redis, many: Redis) => readonly [MapOptions, MapOptions],
  most: number,
): Promise<{ readonly requests: number; readonly isInterrupted: boolean }> {
  const count = new RequestCount(most);
  await using many = await proxied(servers, count);
  const { proxies, of: at } = await behindProxies(library, [0], count);
  const [from, to] = mapsOf(at(0).nodes[0]?.redis ?? '', many.redis);
  const cut: unknown = await reshard(library, namespace, from, to).catch((error: unknown) => error);
  const requests = count.taken;
  count.mend();
  if (cut instanceof Error) await reshard(library, namespace, from, to);
  for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
  return { requests, isInterrupted: cut instanceof Error };
}

function direct16(mapsOf: (single: Redis, many: Redis) => readonly [MapOptions, MapOptions]) {
  return mapsOf(library.servers[0]?.url ?? '', servers.target);
}

test.each(MOVES)(
  'F28: a move %s that is interrupted anywhere is run again, and nothing is lost or written twice',
  async (_, mapsOf) => {
    const [from, to] = direct16(mapsOf);
    const whole = freshNamespace();
    await fill(library, whole, from);
    const { requests } = await moved(whole, mapsOf, Number.POSITIVE_INFINITY);
    let interrupted = 0;
    for (const at of CUTS) {
      const namespace = freshNamespace();
      const web = await fill(library, namespace, from);
      const { isInterrupted } = await moved(namespace, mapsOf, Math.floor(at * requests));
      interrupted += isInterrupted ? 1 : 0;
      await expect(Spillway.of(web).increment(Book, 1, { sold: 1 })).rejects.toMatchObject({
        code: 'SHARD_MAP_MISMATCH',
      });
      const next = await library.open({ namespace, ...to });
      expect(await missingOnes(next)).toEqual(MISSING.map((id) => `ROW_MISSING ${id}`));
      for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
      await Spillway.of(next).drain();
      expect(await sold(next)).toEqual(IDS.map(() => 2));
      await Promise.all([web.close(), next.close()]);
    }
    expect(interrupted).toBeGreaterThan(CUTS.length / 2);
  },
);

test('a move within a cluster that cannot write what is pending opens the old number of shards again', async () => {
  const namespace = freshNamespace();
  const web = await fill(library, namespace, of(servers.target, 16));
  const letGo = await lockRow(web, 1);
  const orm = await library.open({ namespace, ...of(servers.target, 16) });
  await expect(Spillway.of(orm).reshard({ shards: 24 }, { timeout: '900ms' })).rejects.toMatchObject({
    code: 'DRAIN_TIMEOUT',
  });
  await letGo();
  for (const id of IDS) await Spillway.of(web).increment(Book, id, { sold: 1 });
  await Spillway.of(web).drain();
  expect(await sold(web)).toEqual(IDS.map(() => 2));
});

test('a move to a cluster that was interrupted while the rest was written is taken back', async () => {
  const namespace = freshNamespace();
  const single = of(library.servers[0]?.url ?? '', 16);
  const web = await fill(library, namespace, single);
  const letGo = await lockRow(web, 1);
  const count = new RequestCount(Number.POSITIVE_INFINITY);
  const { proxies, of: at } = await behindProxies(library, [0], count);
  const cutWay = of(at(0).nodes[0]?.redis ?? '', 16);
  const cut = reshard(library, namespace, cutWay, of(servers.target, 16)).catch((error: unknown) => error);
  await eventually(async () => {
    await expect(Spillway.of(web).increment(Book, 900, { sold: 1 })).rejects.toMatchObject({
      code: 'SHARD_MAP_MISMATCH',
    });
  });
  count.cut();
  expect(await cut).toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
  count.mend();
  await letGo();
  await reshard(library, namespace, cutWay, cutWay);
  for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
  const again = await library.open({ namespace, ...single });
  await Spillway.of(again).drain({ until: 'written' });
  expect(await sold(again)).toEqual(IDS.map(() => 1));
});
