import { defineEntity, LockMode, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spillway, Spillway, type SpillwayEvent } from '../../../src/index.js';

const Ticket = defineEntity({
  name: 'Ticket',
  properties: { id: p.integer().primary(), code: p.string(), version: p.integer().version() },
});
const Seat = defineEntity({ name: 'Seat', properties: { id: p.integer().primary(), row: p.string() } });

/** Of each class that PostgreSQL has, and some that only applications use. */
const CODES = `
  01000 02000 08001 08006 08P01 0A000 20000 21000 22023 23505 25001 25006 25P02 25P03 25P04 26000
  28000 28P01 2F002 2F005 34000 38000 39000 3B001 3D000 3F000 40001 40002 40P01 42501 42703 42804
  42P01 42P10 44000 45000 53100 53200 53300 53400 54000 55000 55006 55P03 57014 57P01 57P02 57P03
  57P04 57P05 58030 58P01 F0000 HV000 HV00N P0001 P0002 P0003 P0004 PT402 SH001 XX000 XX001 XX002
  72000`
  .trim()
  .split(/\s+/);

let db: Database;
let orm: MikroORM;
const events: SpillwayEvent[] = [];
beforeAll(async () => {
  db = await database();
  const retry = { attempts: 3, minDelay: '10ms', maxDelay: '20ms' } as const;
  orm = await MikroORM.init({
    entities: [Ticket, Seat],
    clientUrl: db.url,
    useBatchUpdates: false,
    logger: () => undefined,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 1,
        tables: { ensure: true },
        policies: [
          [Ticket, { debounce: '1ms', maxDelay: '10ms', retry }],
          [Seat, { debounce: '1ms', maxDelay: '10ms' }],
        ],
      }),
    ],
  });
  await orm.schema.create();
  await orm.em.execute(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      if new.code like 'raise %' then raise exception 'refused %', new.id using errcode = substr(new.code, 7); end if;
      return new;
    end $$;
    create trigger refuse before insert or update on ticket for each row execute function refuse()`);
  Spillway.of(orm).events$.subscribe((event) => events.push(event));
});
afterAll(async () => {
  await orm.close();
  await db.drop();
});

test.each(CODES.map((code, index) => [code, index * 10] as const))(
  'H9: a row whose trigger raises %s is a dead letter with that code; good rows and other entities of its shard are written',
  async (code, base) => {
    events.length = 0;
    const em = orm.em.fork();
    for (let id = base; id < base + 8; id += 1)
      em.create(Ticket, { id, code: id === base + 3 ? `raise ${code}` : 'good' });
    em.create(Seat, { id: base, row: code });
    await em.flush();
    expect(await orm.em.fork().find(Seat, { row: code })).toHaveLength(1);
    await eventually(
      async () => {
        const letters = await Spillway.of(orm).deadLetters.list({ code });
        expect(letters.map(({ rowKey }) => rowKey)).toEqual([`["public","ticket","${base + 3}"]`]);
      },
      { what: `the dead letter ${code}` },
    );
    expect(await orm.em.fork().count(Ticket, { id: { $gte: base } })).toBe(7);
    expect(events.filter(({ type }) => type === 'sink-down' || type === 'paused')).toEqual([]);
    expect(await Spillway.of(orm).health()).toMatchObject({ status: 'up', problems: [] });
  },
);

test.each(['08001', '40001', '57014', 'SH001'])(
  'a transaction whose own lock is in the way of a row that a trigger refuses with %s goes on',
  async (code) => {
    const id = 100_000 + 10 * CODES.findIndex((known) => known === code);
    const em = orm.em.fork();
    em.create(Ticket, { id, code: 'good' });
    await em.flush();
    const locked = Promise.withResolvers<void>();
    const staged = locked.promise.then(async () => Spillway.of(orm).patch(Ticket, id, { code: `raise ${code}` }));
    await orm.em.fork().transactional(async (inner) => {
      await inner.find(Ticket, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      locked.resolve();
      await staged;
      expect(await inner.fork({ keepTransactionContext: true }).find(Ticket, { id: [id, id + 1] })).toHaveLength(1);
    });
    await eventually(
      async () => {
        const letters = await Spillway.of(orm).deadLetters.list({ code });
        expect(letters.map(({ rowKey }) => rowKey)).toContain(`["public","ticket","${id}"]`);
      },
      { what: `the dead letter ${code}` },
    );
  },
);
