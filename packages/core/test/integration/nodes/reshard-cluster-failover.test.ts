import { cluster, type ClusterServer, eventually, freshNamespace, type TestCluster } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { slotOfShard } from '../../../src/staging/cluster/hash-slot.js';
import { fill, type MapOptions, missingOnes, of, reshard } from './cluster-moves.js';
import { Book, Library } from './fixture.js';
import { IDS, lockRow, MISSING, sold } from './moves.js';
import { refuseMove } from './refuse-move.js';

/** The options before and after: out of the cluster, into it, and within it. */
type MapsOf = (single: string, servers: TestCluster) => readonly [MapOptions, MapOptions];

const MOVES: readonly (readonly [string, MapsOf])[] = [
  ['out of a cluster', (single, { target }) => [of(target, 16), of(single, 16)]],
  ['into a cluster', (single, { target }) => [of(single, 16), of(target, 16)]],
  ['within a cluster', (_, { target }) => [of(target, 16), of(target, 24)]],
];

/** The move is made when it is run again: at once, or when the cluster has settled. */
async function movedAtLast(library: Library, namespace: string, from: MapOptions, to: MapOptions): Promise<void> {
  await eventually(async () => reshard(library, namespace, from, to), {
    what: 'the move to be made when it is run again',
    timeoutMs: 60_000,
  });
}

/**
 * All servers tell the same of each slot, and of the age of that. A slot that moves on before that may have two owners,
 * of which one then drops its keys: Redis itself would lose them.
 */
async function agreed(servers: TestCluster): Promise<void> {
  const told = async (at: ClusterServer): Promise<string> => {
    const lines = String(await servers.command(at, 'CLUSTER', 'NODES'))
      .trim()
      .split('\n');
    const owners = lines.map((line) => {
      const [id, , , , , , epoch, , ...slots] = line.split(' ');
      // Its own slots on their way are told by each server alone.
      return [id, epoch, ...slots.filter((each) => !each.startsWith('['))].join(' ');
    });
    return owners.toSorted().join('\n');
  };
  await eventually(async () => new Set(await Promise.all(servers.servers.map(told))).size === 1, {
    what: 'the servers to agree on all slots',
    timeoutMs: 60_000,
  });
}

async function allThere(library: Library, namespace: string, map: MapOptions): Promise<void> {
  const next = await library.open({ namespace, ...map });
  await Spillway.of(next).drain({ until: 'written' });
  expect(await sold(next)).toEqual(IDS.map(() => 1));
  expect(await missingOnes(next)).toEqual(MISSING.map((id) => `ROW_MISSING ${id}`));
  for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
  await Spillway.of(next).drain({ until: 'written' });
  expect(await sold(next)).toEqual(IDS.map(() => 2));
  await next.close();
}

test.each(MOVES)(
  'F28: while shards move %s, its slots move: all is there in the end',
  async (_, mapsOf) => {
    await using servers = await cluster(3);
    await using library = await Library.on(1);
    const [from, to] = mapsOf(library.servers[0]?.url ?? '', servers);
    const slots = [16, 24].flatMap((shards) =>
      Array.from({ length: shards }, (_each, shard) => slotOfShard(shard, shards)),
    );
    /** Where slots are that have moved. */
    const places = new Map<number, number>();
    for (let round = 0; round < 3; round += 1) {
      const namespace = freshNamespace();
      await fill(library, namespace, from);
      const end = new AbortController();
      let steps = 0;
      const wandering = (async () => {
        for (let at = 0; !end.signal.aborted; at = (at + 1) % slots.length) {
          const slot = slots[at] ?? 0;
          const place = places.get(slot) ?? Math.floor((slot * 3) / 16_384);
          const [owner, next] = [servers.servers[place], servers.servers[(place + 1) % 3]];
          await servers.move(slot, owner as ClusterServer, next as ClusterServer);
          places.set(slot, (place + 1) % 3);
          await agreed(servers);
          steps += 1;
        }
      })();
      const moved: unknown = await reshard(library, namespace, from, to).catch((error: unknown) => error);
      end.abort();
      await wandering;
      expect(steps).toBeGreaterThan(0);
      await agreed(servers);
      if (moved instanceof Error) await reshard(library, namespace, from, to);
      await allThere(library, namespace, to);
      expect((await library.rows(await library.open({ namespace, ...to }))).length).toBe(IDS.length);
    }
  },
  180_000,
);

test.each(MOVES)(
  'F28: while shards move %s, a primary dies in each phase: the move is run again',
  async (_, mapsOf) => {
    await using servers = await cluster(3, 1);
    await using library = await Library.on(1);
    const [from, to] = mapsOf(library.servers[0]?.url ?? '', servers);
    const namespace = freshNamespace();
    const web = await fill(library, namespace, from);
    const dies = async (place: number): Promise<void> => {
      const [primary, replica] = [servers.servers[place], servers.servers[place + 3]] as [ClusterServer, ClusterServer];
      await servers.caughtUp(primary);
      await primary.stop();
      await servers.promoted(replica);
    };

    // While the rest is written, which takes a while.
    const letGo = await lockRow(web, 1);
    const first = reshard(library, namespace, from, to).catch((error: unknown) => error);
    await eventually(async () => {
      await expect(Spillway.of(web).pending(Book, 901)).rejects.toMatchObject({
        code: 'SHARD_MAP_MISMATCH',
      });
    });
    await dies(0);
    const mayEnd = await refuseMove(library, 'end');
    await letGo();
    expect(await first).toBeInstanceOf(Error);

    // When all has been moved, but for the last word of the database.
    await eventually(
      async () => {
        const error: unknown = await reshard(library, namespace, from, to).catch((thrown: unknown) => thrown);
        expect(String(error)).toMatch(/has begun and not ended \(PostgreSQL refused the transaction: SQLSTATE P0001/u);
      },
      { what: 'the move to come to its end', timeoutMs: 60_000 },
    );
    await dies(1);
    await mayEnd();
    await movedAtLast(library, namespace, from, to);
    await expect(Spillway.of(web).increment(Book, 1, { sold: 1 })).rejects.toMatchObject({
      code: 'SHARD_MAP_MISMATCH',
    });
    await allThere(library, namespace, to);
  },
  180_000,
);
