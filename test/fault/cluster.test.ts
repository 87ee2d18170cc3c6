import { Spillway } from '@spillway/core';
import { cluster, eventually, type ClusterServer, type TestCluster } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Page } from './programs/site.js';
import { compare } from './support/compare.js';
import type { Entry } from './support/journal.js';
import { breakGround, type Ground } from './support/ground.js';
import { Load } from './support/load.js';

const PAGES = Array.from({ length: 6 }, (_, number) => `page ${number}`);

async function groundOn(
  { target }: TestCluster,
  worker: boolean,
  durability: 'primary' | 'replicated' = 'primary',
): Promise<Ground> {
  const ground = await breakGround({ shards: 8, redis: target, spillway: { worker, defaults: { durability } } });
  const em = ground.orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await em.flush();
  return ground;
}

/** A primary of the beginning, and its first replica. */
function pairOf({ servers }: TestCluster, place: number): readonly [ClusterServer, ClusterServer] {
  return [servers[place] as ClusterServer, servers[place + 3] as ClusterServer];
}

test('F24: a primary of a cluster dies after its replica has everything: nothing is lost, and nothing is written twice', async () => {
  await using redis = await cluster(3, 1);
  await using ground = await groundOn(redis, false);
  const before = new Load(ground.orm, PAGES.slice(0, 3));
  await before.goesOn(30);
  await before.end();
  const [primary, replica] = pairOf(redis, 1);
  await redis.caughtUp(primary);
  await primary.stop();
  const after = new Load(ground.orm, PAGES.slice(3));
  await redis.promoted(replica);
  await after.goesOn(60);
  await after.end();
  await Spillway.of(await ground.open({ worker: true })).start();
  await ground.settled();
  expect(compare([before.journal, after.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
});

test('F24: a primary of a cluster dies under load: nothing is written twice, and only what it alone had can be lost', async () => {
  await using redis = await cluster(3, 1);
  await using ground = await groundOn(redis, true);
  const load = new Load(ground.orm, PAGES);
  await load.goesOn(30);
  const [primary, replica] = pairOf(redis, 2);
  await primary.stop();
  await redis.promoted(replica);
  await load.goesOn(60);
  await load.end();
  await eventually(async () => expect(await ground.spillway.status()).toMatchObject({ pending: {}, inFlight: 0 }), {
    what: 'everything staged to be written or parked',
    timeoutMs: 30_000,
  });
  const { pages, items } = await ground.rows();
  const told = hitsIn(load.journal);
  for (const { id, hits } of pages) expect(hits).toBeLessThanOrEqual(told.get(id) ?? 0);
  expect(items.filter(({ version }) => version !== 1)).toEqual([]);
});

test("F24: with durability 'replicated' a primary of a cluster dies under load: nothing acknowledged is lost, and nothing is written twice", async () => {
  // Two replicas of each: the one that takes the place has another one, as the tier asks.
  await using redis = await cluster(3, 2);
  await using ground = await groundOn(redis, true, 'replicated');
  const load = new Load(ground.orm, PAGES);
  await load.goesOn(30);
  await redis.servers[2]?.stop();
  await load.goesOn(60);
  await load.end();
  await ground.settled();
  expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
});

/** Page -> all hits that were ever asked for. */
function hitsIn(journal: readonly Entry[]): ReadonlyMap<string, number> {
  const hits = new Map<string, number>();
  for (const entry of journal)
    for (const effect of entry.kind === 'begun' ? entry.effects : [])
      if (effect.kind === 'hits') hits.set(effect.id, (hits.get(effect.id) ?? 0) + effect.by);
  return hits;
}

test('F24: slots of a cluster move under load: nothing is lost, and nothing is written twice', async () => {
  await using redis = await cluster(3);
  await using ground = await groundOn(redis, true);
  const load = new Load(ground.orm, PAGES);
  for (let round = 0; round < 2; round += 1) {
    for (const [slot, from] of await redis.slotsOf(`{${ground.place.namespace}:`)) {
      const to = redis.servers[(redis.servers.indexOf(from) + 1) % 3] as ClusterServer;
      await redis.move(slot, from, to);
      await load.goesOn(3);
    }
  }
  await load.goesOn(20);
  await load.end();
  await ground.settled();
  expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
});
