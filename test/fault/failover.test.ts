import type { EntityName, MikroORM, RequiredEntityData } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { eventually, sentinels, type Sentinels } from '@spillway/test-support';
import { describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround, type Ground } from './support/ground.js';
import { Load } from './support/load.js';

const PAGES = ['page 0', 'page 1', 'page 2'];

/** How another server comes into the place of the primary, and how the first one comes back. */
const WAYS: Readonly<Record<string, (servers: Sentinels) => Promise<void>>> = {
  'by command': async (servers) => {
    await servers.failOver();
    await servers.failedOver();
  },
  'because the primary is killed': async (servers) => {
    await servers.kill();
    await servers.failedOver();
    await servers.restart();
  },
  'because the primary stands still': async (servers) => {
    servers.freeze();
    await servers.failedOver();
    servers.thaw();
  },
};

async function groundOn(servers: Sentinels, durability: 'primary' | 'replicated'): Promise<Ground> {
  const ground = await breakGround({
    redis: { ...servers.target, sentinels: [...servers.target.sentinels] },
    spillway: {
      worker: true,
      stageTimeout: '1s',
      defaults: { durability },
      logger: { warn: () => undefined, error: () => undefined },
    },
  });
  const em = ground.orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await eventually(async () => em.flush().then(() => true), { what: 'pages', timeoutMs: 30_000 });
  await ground.spillway.drain();
  return ground;
}

describe("F25: with durability 'replicated', a failover behind Sentinel takes nothing acknowledged with it, and writes nothing twice", () => {
  test.each(Object.keys(WAYS).flatMap((way) => [true, false].map((isBusy) => ({ way, isBusy }))))(
    '$way, busy before: $isBusy',
    async ({ way, isBusy }) => {
      await using servers = await sentinels({ downAfterMs: 1_000 });
      await using ground = await groundOn(servers, 'replicated');
      const another = await ground.open({ worker: true, stageTimeout: '1s', defaults: { durability: 'replicated' } });
      const loads: Load[] = [];
      if (isBusy) {
        loads.push(new Load(ground.orm, PAGES.slice(0, 2)), new Load(another, PAGES.slice(2)));
        await Promise.all(loads.map(async (load) => load.goesOn(30)));
      }
      await WAYS[way]?.(servers);
      await servers.demoted();
      if (!isBusy) loads.push(new Load(ground.orm, PAGES.slice(0, 2)), new Load(another, PAGES.slice(2)));
      await Promise.all(loads.map(async (load) => load.goesOn(30)));
      await Promise.all(loads.map(async (load) => load.end()));
      await ground.settled();
      const found = compare(
        loads.map(({ journal }) => journal),
        await ground.rows(),
      );
      expect(found.wrong).toEqual([]);
    },
    180_000,
  );
});

test("F25: with durability 'primary', what the other server lacks is lost; it is reported, and nothing is written twice", async () => {
  await using servers = await sentinels({ downAfterMs: 1_000 });
  const target = { ...servers.target, sentinels: [...servers.target.sentinels] };
  const logger = { warn: () => undefined, error: () => undefined };
  await using ground = await breakGround({ redis: target, shards: 1, spillway: { worker: true, logger } });
  // What this one stages is not due before the test is over.
  const slow = await ground.open({ worker: false, defaults: { debounce: '1h', maxDelay: '2h' } });
  const losses: unknown[] = [];
  ground.spillway.on('staging-loss', (loss) => losses.push(loss));
  await made(ground.orm, Page, { id: 'page', hits: 0 });
  await ground.spillway.drain();
  await Spillway.of(slow).increment(Page, 'page', { hits: 5 });
  await servers.caughtUp();
  await servers.cutOffReplica();
  await made(ground.orm, Item, { id: 'written', text: 'on the first primary' });
  await eventually(async () => expect((await ground.rows()).items).toHaveLength(1));
  await made(slow, Item, { id: 'lost', text: 'on the first primary alone' });

  await servers.kill();
  servers.letReplicaFollow();
  await servers.failedOver();
  await eventually(async () => ground.spillway.drain().then(() => true), { what: 'a drain', timeoutMs: 30_000 });
  await eventually(() => losses.length > 0);
  await eventually(async () => made(ground.orm, Item, { id: 'after', text: 'on the other server' }).then(() => true));
  await eventually(async () => expect((await ground.rows()).items).toHaveLength(2));

  expect(losses).toContainEqual({ type: 'staging-loss', shard: 0, forgot: 'staging', parked: 1, doubtful: 0 });
  expect(await ground.spillway.health()).toMatchObject({ status: 'degraded', states: ['data-loss'] });
  expect((await ground.rows()).items.map(({ id }) => id)).toEqual(['after', 'written']);
  expect((await ground.rows()).pages).toEqual([{ id: 'page', hits: 0 }]);
  const [letter, ...others] = await ground.spillway.deadLetters.list();
  expect(others).toEqual([]);
  expect(letter).toMatchObject({ code: 'STAGING_LOSS', rowKey: '["public","page","page"]' });
  if (letter) await ground.spillway.deadLetters.retry(letter);
  await ground.spillway.drain();
  expect((await ground.rows()).pages).toEqual([{ id: 'page', hits: 5 }]);
}, 180_000);

async function made<Entity extends object>(
  orm: MikroORM,
  entity: EntityName<Entity>,
  data: RequiredEntityData<Entity>,
): Promise<void> {
  const em = orm.em.fork();
  em.create(entity, data);
  await em.flush();
}
