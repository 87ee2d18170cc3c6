import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { spillway, Spillway, type SpillwayEvent } from '../../../src/index.js';

const Part = defineEntity({
  name: 'Part',
  properties: { id: p.integer().primary(), name: p.string(), version: p.integer().version() },
});

let db: Database;
let orm: MikroORM;
const events: SpillwayEvent[] = [];
const logged: string[] = [];
beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Part],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 4,
        tables: { ensure: true },
        logger: { warn: (text) => logged.push(text), error: (text) => logged.push(text) },
        policies: [[Part, { debounce: '1ms', maxDelay: '5ms' }]],
      }),
    ],
  });
  await orm.schema.create();
  Spillway.of(orm).events$.subscribe((event) => events.push(event));
});
afterAll(async () => {
  await orm.close();
  await db.drop();
});
/** What a test has met is over, also for health. */
beforeEach(async () => {
  const isWell = async (): Promise<boolean> => (await Spillway.of(orm).health()).status === 'up';
  await eventually(isWell, { timeoutMs: 50_000, what: 'the end of the pauses of the test before' });
  events.length = 0;
  logged.length = 0;
});

/** Takes a table away while `act` runs. */
async function without(table: string, act: () => Promise<void>): Promise<void> {
  await orm.em.execute(`alter table ${table} rename to away`);
  try {
    await act();
  } finally {
    await orm.em.execute(`alter table away rename to ${table}`);
  }
}

async function stage(id: number): Promise<void> {
  const em = orm.em.fork();
  em.create(Part, { id, name: 'new' });
  await em.flush();
}

const ids = async (from: number) => {
  const rows = await orm.em.execute<{ id: number }[]>('select id from part where id >= ? order by id', [from]);
  return rows.map(({ id }) => id);
};
const pauses = () => events.filter(({ type }) => type === 'paused');
/** Tries of a record that had to wait. */
const triesAgain = () => events.filter((event) => event.type === 'written' && event.recordsAgain > 0).length;

test('a table that is missing for a moment is written a moment after it is back', async () => {
  await without('part', async () => {
    await stage(1);
    await eventually(() => triesAgain() >= 5, { what: 'tries at growing intervals', timeoutMs: 20_000 });
  });
  await eventually(async () => expect(await ids(1)).toEqual([1]), { timeoutMs: 15_000 });
});

test('a pause is one event and one line of the log, however many flushes meet it; health names it while it lasts', async () => {
  await without('part', async () => {
    for (let id = 100; id < 150; id += 1) {
      await stage(id);
      await eventually(() => triesAgain() > id - 100, { what: 'a flush that meets the missing table' });
    }
    expect(pauses()).toMatchObject([{ cause: 'table', table: 'part', code: '42P01', times: 1 }]);
    expect(logged.filter((line) => line.includes('table part cannot be written'))).toHaveLength(1);
    expect(await Spillway.of(orm).health()).toMatchObject({
      status: 'down',
      states: ['table-paused'],
      problems: [expect.stringContaining('Table part cannot be written')],
    });
  });
  await eventually(async () => expect(await ids(100)).toHaveLength(50), { timeoutMs: 20_000 });
});

test("Spillway's own tables, missing for a moment, are used a moment after they are back; that is one event", async () => {
  await without('spillway_batch', async () => {
    await stage(200);
    await eventually(() => expect(pauses()).toMatchObject([{ cause: 'configuration' }]));
    expect(await Spillway.of(orm).health()).toMatchObject({
      status: 'down',
      states: ['configuration'],
      problems: [expect.stringContaining('Nothing is written until the configuration is right')],
    });
  });
  await eventually(async () => expect(await ids(200)).toEqual([200]), { timeoutMs: 15_000 });
  expect(pauses()).toHaveLength(1);
  await eventually(async () => expect(await Spillway.of(orm).health()).toMatchObject({ status: 'up', problems: [] }));
});
