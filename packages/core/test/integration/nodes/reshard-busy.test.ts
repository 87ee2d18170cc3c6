import type { MikroORM } from '@mikro-orm/postgresql';
import { freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway, type SpillwayOptions } from '../../../src/index.js';
import { RequestCount } from './cut-proxy.js';
import { Library, makeBooks } from './fixture.js';
import { behindProxies, direct, endMoveRight, type Nodes } from './moves.js';
import { ALL, Sellers } from './sellers.js';

interface Moving {
  readonly count: RequestCount;
  readonly orm: MikroORM;
  /** Of a move that is not interrupted, so that the cuts are all over it. */
  readonly requests: number;
  readonly hasEnded: () => boolean;
}

type Interruption = (moving: Moving) => Promise<void>;

function cutAfter(share: number): Interruption {
  return async ({ count, requests }) => count.cutAfter(Math.floor(share * requests));
}

function withoutRightAfter(ms: number): Interruption {
  return async ({ orm, hasEnded }) => {
    // A move may be noted for some milliseconds only.
    while (!hasEnded() && (await ofMove(orm)) === '');
    await new Promise((resolve) => setTimeout(resolve, ms));
    // It may have ended before.
    await endMoveRight(orm).catch(() => undefined);
  };
}

async function ofMove(orm: MikroORM): Promise<string> {
  const rows = await orm.em
    .getConnection()
    .execute<{ table_name: string }[]>(
      `select table_name from spillway_registry where kind = 'reshard' and name = 'map'`,
    );
  return rows.map((row) => row.table_name).join();
}

const INTERRUPTIONS: readonly (readonly [string, Interruption])[] = [
  ['not at all', async () => undefined],
  ...[0.5, 0.7, 0.85, 0.95].map((share) => [`after ${share} of its requests`, cutAfter(share)] as const),
  ...[0, 60].map((ms) => [`without its right after ${ms} ms`, withoutRightAfter(ms)] as const),
];

type NewMap = Required<Pick<SpillwayOptions, 'redis' | 'shards'>>;

/** The options of processes with the map before and after, by the way to some servers. */
const MOVES: readonly (readonly [
  string,
  (at: (...places: readonly number[]) => Nodes) => readonly [NewMap, NewMap],
])[] = [
  ['to other servers and more shards', (at) => [map(at(0, 1), 16), map(at(1, 2), 24)]],
  ['to other servers', (at) => [map(at(0, 1), 16), map(at(2, 1, 0), 16)]],
  ['to more shards', (at) => [map(one(at(0)), 16), map(one(at(0)), 24)]],
  ['to fewer shards', (at) => [map(one(at(0)), 16), map(one(at(0)), 5)]],
];

function map(redis: NewMap['redis'], shards: number): NewMap {
  return { redis, shards };
}

function one({ nodes }: Nodes): string {
  return nodes[0]?.redis ?? '';
}

async function moved(library: Library, namespace: string, [from, to]: readonly [NewMap, NewMap]): Promise<unknown> {
  const orm = await library.open({ namespace, ...from });
  return Spillway.of(orm).reshard(to);
}

test.each(MOVES)('F28: what is staged while shards go %s is written once, interrupted or not', async (_, mapsOf) => {
  await using library = await Library.on(3);
  const asked = await library.open();
  let requests = 0;
  for (const [name, interrupt] of INTERRUPTIONS) {
    const namespace = freshNamespace();
    const count = new RequestCount(Number.POSITIVE_INFINITY);
    const { proxies, of } = await behindProxies(library, [0, 1, 2], count);
    const maps = mapsOf((...places) => direct(library, ...places));
    const first = await library.open({ namespace, ...maps[0] });
    await first.em.fork().getConnection().execute('delete from book');
    await makeBooks(first, ALL);
    await Spillway.of(first).drain();
    const sellers = new Sellers();
    for (let seed = 0; seed < 6; seed += 1)
      sellers.begin(await library.open({ namespace, ...maps[0], worker: seed < 2 }), seed);
    let hasEnded = false;
    const interrupting = interrupt({ count, orm: asked, requests, hasEnded: () => hasEnded });
    const cut = await moved(library, namespace, mapsOf(of)).catch((error: unknown) => error);
    hasEnded = true;
    await interrupting;
    requests ||= count.taken;
    if (cut instanceof Error) {
      count.mend();
      await moved(library, namespace, mapsOf(of));
    }
    for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
    await sellers.ended();
    const next = await library.open({ namespace, ...maps[1] });
    await Spillway.of(next).drain();
    const rows = await next.em
      .getConnection()
      .execute<{ id: number; sold: number }[]>('select id, sold from book order by id');
    expect([name, new Map(rows.map(({ id, sold }) => [id, sold]))]).toEqual([name, sellers.promised]);
    expect(await Spillway.of(next).deadLetters.list()).toEqual([]);
  }
});
