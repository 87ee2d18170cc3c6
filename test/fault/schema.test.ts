import { Spillway } from '@spillway/core';
import { eventually } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Item } from './programs/site.js';
import { breakGround, type Ground } from './support/ground.js';
import { Programs } from './support/programs.js';

async function stageItems({ orm }: Pick<Ground, 'orm'>, count: number): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < count; number++) em.create(Item, { id: `item ${number}`, text: 'made' });
  await em.flush();
}

test('schema.clear() while a worker of another process writes: nothing of before comes back, and nothing is stuck', async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  const worker = programs.worker(ground.place);
  await worker.ready();
  for (let round = 0; round < 10; round += 1) {
    await stageItems(ground, 200);
    await ground.orm.schema.clear();
    expect(await ground.rows()).toMatchObject({ items: [] });
    await stageItems(ground, 3);
    await ground.settled();
    expect((await ground.rows()).items).toHaveLength(3);
    await ground.orm.schema.clear();
  }
  worker.signal('SIGTERM');
  await worker.endsWith(0);
});

test.each(['claimed', 'written', 'committed'] as const)(
  'schema.refresh() when a worker has died after it has %s a batch: the batch is gone with the rows, and the chain goes on',
  async (step) => {
    await using ground = await breakGround({ shards: 1 });
    await using programs = new Programs();
    const losses: unknown[] = [];
    ground.spillway.on('staging-loss', (event) => losses.push(event));
    const worker = programs.worker({ ...ground.place, dieAfter: { step, time: 1 } });
    await worker.ready();
    await stageItems(ground, 20);
    await worker.endsWith('SIGKILL');
    expect((await ground.spillway.status()).inFlight).toBe(20);
    await ground.orm.schema.refresh();
    expect(await ground.spillway.status()).toMatchObject({ pending: {}, inFlight: 0 });
    await stageItems(ground, 5);
    await ground.spillway.drain();
    expect((await ground.rows()).items).toHaveLength(5);
    expect(losses).toEqual([]);
  },
);

test('schema.clear() waits for a batch that is being written, and clears its rows with the others', async () => {
  await using ground = await breakGround({ shards: 1 });
  await stageItems(ground, 20);
  const gate = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const writer = await ground.open({}, async (step) => {
    if (step !== 'written') return;
    written.resolve();
    await gate.promise;
  });
  await Spillway.of(writer).start();
  await written.promise;
  let isCleared = false;
  const clearing = ground.orm.schema.clear().then(() => {
    isCleared = true;
  });
  const waits = `select from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and query like '%spillway_shard%'`;
  await eventually(async () => expect(await ground.sql(waits)).toHaveLength(1));
  expect(isCleared).toBe(false);
  gate.resolve();
  await clearing;
  await ground.settled();
  expect((await ground.rows()).items).toEqual([]);
});
