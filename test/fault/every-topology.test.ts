import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, SpillwayError } from '@spillway/core';
import { eventually } from '@spillway/test-support';
import { describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround, type Ground, type GroundOptions } from './support/ground.js';
import { Load } from './support/load.js';
import { commandAll, type Servers, TOPOLOGIES } from './support/topologies.js';

const PAGES = Array.from({ length: 4 }, (_, number) => `page ${number}`);
const SHARDS = 12;
const silentLogger = { warn: () => undefined, error: () => undefined };

async function groundOn({ redis }: Servers, spillway: GroundOptions['spillway'] = {}): Promise<Ground> {
  const ground = await breakGround({ shards: SHARDS, redis, spillway: { logger: silentLogger, ...spillway } });
  const em = ground.orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await em.flush();
  await ground.spillway.drain();
  return ground;
}

async function makeItem(orm: MikroORM, id: string): Promise<void> {
  const em = orm.em.fork();
  em.create(Item, { id, text: 'made' });
  await em.flush();
}

/** Ids of items, one of each shard, most likely. */
const IDS = Array.from({ length: 8 * SHARDS }, (_, number) => `item ${number}`);

describe.each(Object.entries(TOPOLOGIES))('%s', (topology, start) => {
  test('F21: a server that is killed and started again under load loses nothing, and nothing is written twice', async () => {
    await using servers = await start({ appendfsync: 'always' });
    await using ground = await groundOn(servers, { worker: true });
    const load = new Load(ground.orm, PAGES);
    for (let round = 0; round < 2; round += 1) {
      await load.goesOn(20);
      const victim = servers.victims[round % servers.victims.length];
      await victim?.kill();
      const failed = load.errors.length;
      await eventually(() => load.errors.length > failed, { what: 'flushes to fail' });
      await victim?.restart();
    }
    await load.goesOn(20);
    await load.end();
    await ground.settled();
    expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
  });

  test('F21: a server that keeps nothing and is started again is told as a loss, not as "all is written"', async () => {
    await using servers = await start({ appendonly: 'no' });
    await using ground = await groundOn(servers, { worker: false, acceptVolatile: true });
    for (const id of IDS) await makeItem(ground.orm, id);
    await ground.spillway.drain();
    const later = { debounce: '1h', maxDelay: '2h' } as const;
    const slow = await ground.open({ worker: false, acceptVolatile: true, logger: silentLogger, defaults: later });
    const em = slow.em.fork();
    for (const item of await em.find(Item, { id: { $in: IDS } })) item.text = 'changed';
    await em.flush();
    for (const victim of servers.victims) {
      await victim.kill();
      await victim.restart();
    }
    const losses: unknown[] = [];
    ground.spillway.on('staging-loss', (loss) => losses.push(loss));
    await eventually(async () => ground.spillway.drain().then(() => true), { what: 'a drain', timeoutMs: 30_000 });
    await eventually(() => losses.length > 0);
    expect(losses).toContainEqual(expect.objectContaining({ type: 'staging-loss', forgot: 'staging' }));
    const health = await ground.spillway.health();
    expect(health).toMatchObject({ status: 'degraded', states: ['data-loss'] });
    expect(health.problems.join()).toMatch(/has forgotten something in shards? [\d, ]+/u);
    const { items } = await ground.rows();
    expect(items.map(({ id, text, version }) => ({ id, text, version }))).toEqual(
      IDS.toSorted().map((id) => ({ id, text: 'made', version: 1 })),
    );
    await makeItem(ground.orm, 'after');
    await ground.spillway.drain();
    expect((await ground.rows()).items).toHaveLength(IDS.length + 1);
  });

  test('F22: out of memory, a flush is refused with a typed error; what is staged is written, and makes room', async () => {
    await using servers = await start();
    await using ground = await groundOn(servers, { worker: false });
    const staged = IDS.slice(0, 20);
    for (const id of staged) await makeItem(ground.orm, id);
    await commandAll(servers, 'CONFIG', 'SET', 'maxmemory', '1');
    const refusal: unknown = await makeItem(ground.orm, 'refused').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'STAGING_FULL' });
    expect(String(refusal)).toMatch(/is out of memory; nothing was staged/u);
    expect(await ground.spillway.drain()).toEqual({ left: 0 });
    expect((await ground.rows()).items.map(({ id }) => id)).toEqual(staged.toSorted());
    await commandAll(servers, 'CONFIG', 'SET', 'maxmemory', '0');
    await makeItem(ground.orm, 'after');
    await ground.spillway.drain();
    await ground.settled();
    expect((await ground.rows()).items).toHaveLength(staged.length + 1);
  });

  test('F23: servers that accept and never answer are a typed error in time, and what is flushed again is staged once', async () => {
    await using servers = await start();
    await using ground = await groundOn(servers, { worker: false, stageTimeout: '300ms' });
    const em = ground.orm.em.fork();
    const page = await em.findOneOrFail(Page, 'page 0');
    page.hits += 1;
    em.create(Item, { id: 'silence', text: 'made' });
    for (const victim of servers.victims) victim.pause();
    const error: unknown = await em.flush().catch((thrown: unknown) => thrown);
    for (const victim of servers.victims) victim.resume();
    expect(error).toBeInstanceOf(SpillwayError);
    // Several servers are asked first whether they take a flush: then it is known that nothing was staged.
    expect((error as SpillwayError).code).toMatch(/^STAGING_(?:TIMEOUT|UNAVAILABLE)$/u);
    await eventually(async () => em.flush().then(() => true), { what: 'the flush to be staged', timeoutMs: 30_000 });
    await ground.spillway.drain();
    await ground.settled();
    const { pages, items } = await ground.rows();
    expect(pages[0]).toEqual({ id: 'page 0', hits: 1 });
    expect(items).toEqual([{ id: 'silence', text: 'made', version: 1 }]);
  });

  test('F27: scripts that are forgotten under load are loaded again, and nothing is half applied', async () => {
    await using servers = await start();
    await using ground = await groundOn(servers, { worker: true });
    const load = new Load(ground.orm, PAGES);
    for (let round = 0; round < 5; round += 1) {
      await load.goesOn(10);
      await commandAll(servers, 'SCRIPT', 'FLUSH');
    }
    await load.goesOn(10);
    await load.end();
    await ground.settled();
    expect(load.errors).toEqual([]);
    expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
  });

  test('F28: an application with another number of shards is refused at its first use, and changes nothing', async () => {
    await using servers = await start();
    await using ground = await groundOn(servers, { worker: false });
    await makeItem(ground.orm, 'staged');
    const other = await ground.open({ worker: false, shards: SHARDS + 1, logger: silentLogger });
    await expect(makeItem(other, 'refused')).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
    await expect(Spillway.of(other).drain()).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
    await ground.spillway.drain();
    await ground.settled();
    expect((await ground.rows()).items).toEqual([{ id: 'staged', text: 'made', version: 1 }]);
  });

  test.runIf(topology === 'nodes' || topology === 'cluster')(
    'F26: while one of the servers is down, the others go on; health is degraded, and names it',
    async () => {
      await using servers = await start({ appendfsync: 'always' });
      await using ground = await groundOn(servers, { worker: true, stageTimeout: '500ms' });
      const [victim] = servers.victims;
      await victim?.kill();
      const made: string[] = [];
      const refused: string[] = [];
      const wanted = IDS.slice(0, 30);
      for (const id of wanted)
        await makeItem(ground.orm, id).then(
          () => made.push(id),
          (error: unknown) => {
            if (!(error instanceof SpillwayError) || !error.code.startsWith('STAGING_')) throw error;
            refused.push(id);
          },
        );
      expect([made.length > 0, refused.length > 0]).toEqual([true, true]);
      await eventually(async () => expect((await ground.rows()).items.length).toBeGreaterThanOrEqual(made.length));
      const health = await ground.spillway.health();
      expect(health.status).toBe('degraded');
      expect(health.problems.join()).toContain(new URL(victim?.url ?? '').port);
      await victim?.restart();
      for (const id of refused)
        await eventually(async () => makeItem(ground.orm, id).then(() => true), { timeoutMs: 30_000 });
      await ground.settled();
      expect((await ground.rows()).items.map(({ id, version }) => ({ id, version }))).toEqual(
        wanted.toSorted().map((id) => ({ id, version: 1 })),
      );
    },
  );
});
