import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { spillway, type Spillway } from '../../../src/index.js';
import { Heard, VALUE } from './canaries.js';

const Item = defineEntity({
  name: 'Item',
  properties: {
    id: p.integer().primary(),
    name: p.string().length(60).nullable(),
    amount: p.integer().default(0),
    version: p.integer().version(),
  },
});

/** What a trigger raises: everything that it may set is the value. */
const RAISE = `raise exception using message = new.name, detail = new.name, hint = new.name, constraint = new.name,
  column = new.name, datatype = new.name, table = new.name, schema = new.name, errcode = tg_argv[0]`;

let db: Database;
let orm: MikroORM;
let heard: Heard;
let service: Spillway;
let id = 0;

async function open(): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Item],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 4,
        tables: { ensure: true },
        logger: heard.logger,
        policies: [
          [
            Item.class,
            {
              mode: 'behind',
              debounce: 0,
              maxDelay: '20ms',
              retry: { attempts: 1, minDelay: '10ms', maxDelay: '50ms' },
              conflict: (conflict) => {
                throw new Error(`Cannot decide about ${String(conflict.ours.name)}`);
              },
            },
          ],
        ],
      }),
    ],
  });
}

beforeAll(async () => {
  db = await database();
  heard = new Heard();
  orm = await open();
  await orm.schema.create();
  service = heard.listen(orm);
});

beforeEach(() => {
  heard.all.length = 0;
});

afterAll(async () => {
  await orm.close();
  heard[Symbol.dispose]();
  await db.drop();
});

const sql = async (text: string): Promise<unknown> => orm.em.getConnection().execute(text);

async function write(values: { name: string; amount?: unknown }): Promise<number> {
  id += 1;
  const em = orm.em.fork();
  em.create(Item, { id, ...values } as never);
  await em.flush();
  return id;
}

/** Somebody has been told of it, and of nothing that was in the row. */
async function toldOf(isTold: () => boolean): Promise<void> {
  await eventually(() => expect(isTold()).toBe(true), { timeoutMs: 60_000 });
  heard.note('health', await service.health());
  heard.note('status', await service.status());
  await heard.thrownBy('drain', async () => service.drain(undefined, { timeout: '200ms' }));
  await heard.thrownBy('query', async () => orm.em.fork().find(Item, { amount: 5 }));
  expect(heard.leaks()).toEqual([]);
}

describe("a trigger's error", () => {
  test.each([
    '42501',
    '42P01',
    '42804',
    'P0001',
    '23505',
    '22023',
    'SH001',
    '57P03',
    '08001',
    '53100',
    '40001',
    'XX000',
  ])(
    'of SQLSTATE %s leaves without what it was given to say',
    async (code) => {
      await sql(`create or replace function refuse() returns trigger language plpgsql as $$ begin ${RAISE}; end $$;
create trigger refuse before insert on item for each row when (new.name is not null) execute function refuse('${code}')`);
      await write({ name: VALUE });
      const kinds = ['paused', 'dead-letter', 'retry', 'sink-down'] as const;
      await toldOf(() => kinds.some((kind) => heard.events(kind).length > 0));
      await sql('drop trigger refuse on item');
      await eventually(
        async () => {
          await service.drain();
          expect((await service.status()).pending).toEqual({});
        },
        { timeoutMs: 60_000 },
      );
    },
    120_000,
  );

  test('is told by its SQLSTATE, and the dead letter has all of it', async () => {
    await sql(`create or replace function refuse() returns trigger language plpgsql as $$ begin ${RAISE}; end $$;
create trigger refuse before insert on item for each row execute function refuse('P0001')`);
    const refused = await write({ name: VALUE });
    await toldOf(() => heard.events('dead-letter').length > 0);
    expect(heard.events('dead-letter')[0]?.reason).toBe('SQLSTATE P0001: a trigger or function refuses the row');
    const letters = await service.deadLetters.list({ code: 'P0001' });
    const letter = letters.find(({ rowKey }) => rowKey.includes(`"${refused}"`));
    expect(letter?.message).toBe(`${VALUE} DETAIL: ${VALUE} HINT: ${VALUE}`);
    expect(letter?.reason).toBe('SQLSTATE P0001: a trigger or function refuses the row');
    await sql('drop trigger refuse on item');
  });
});

describe('a row that PostgreSQL refuses', () => {
  test('leaves its values out, and names what the metadata knows', async () => {
    await sql(
      `alter table item add constraint "${VALUE}" check (amount < 100), add constraint item_amount_check check (amount > -100)`,
    );
    await write({ name: 'x', amount: 200 });
    await write({ name: 'x', amount: -200 });
    await toldOf(() => heard.events('dead-letter').length > 1);
    expect(
      heard
        .events('dead-letter')
        .map(({ reason }) => reason)
        .toSorted(),
    ).toEqual([
      'SQLSTATE 23514: a check is violated by constraint "item_amount_check" of table "public"."item"',
      'SQLSTATE 23514: a check is violated of table "public"."item"',
    ]);
    await sql(`alter table item drop constraint "${VALUE}", drop constraint item_amount_check`);
  });

  test('because a value does not fit; what is no number goes by SQL, whose error is the caller’s', async () => {
    await write({ name: VALUE.repeat(10) });
    await expect(write({ name: 'x', amount: VALUE })).rejects.toMatchObject({ code: '22P02' });
    await toldOf(() => heard.events('dead-letter').length > 0);
    expect(heard.events('dead-letter').map(({ code }) => code)).toEqual(['22001']);
  });

  test('because the conflict function throws, leaves what it has thrown to the dead letter', async () => {
    const conflicting = await write({ name: 'x' });
    await service.drain();
    const em = orm.em.fork();
    const item = await em.findOneOrFail(Item, conflicting);
    item.name = VALUE;
    await sql(`update item set version = 7, name = 'theirs' where id = ${conflicting}`);
    await em.flush();
    await toldOf(() => heard.events('dead-letter').length > 0);
    const [letter] = await service.deadLetters.list({ code: 'CONFLICT' });
    expect(letter).toMatchObject({
      reason: 'The conflict function failed; the dead letter has what it has thrown',
      message: expect.stringContaining(VALUE),
    });
  });
});

describe('a table that is not as it should be', () => {
  test('is named with the column that is missing', async () => {
    await sql('alter table item rename column name to "other"');
    await write({ name: VALUE });
    await toldOf(() => heard.events('paused').length > 0);
    expect(heard.events('paused')[0]).toMatchObject({
      table: 'item',
      code: '42703',
      reason: expect.stringMatching(/^SQLSTATE 42703: a column does not exist.*"name"/u),
    });
    await sql('alter table item rename column "other" to name');
  });

  test('and one of Spillway’s own says so without the row', async () => {
    await sql('alter table spillway_batch rename to away');
    await write({ name: VALUE });
    await toldOf(() => heard.events('paused').length > 0);
    expect(String(heard.events('paused')[0] && JSON.stringify(heard.events('paused')[0]))).toContain('CONFIG_INVALID');
    await sql('alter table away rename to spillway_batch');
  });

  test('and a connection that is lost says so without the row', async () => {
    await sql(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    await write({ name: VALUE });
    await heard.thrownBy('drain', async () => service.drain());
    heard.note('health', await service.health());
    expect(heard.leaks()).toEqual([]);
  });
});
