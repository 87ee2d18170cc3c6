import { defineEntity, MikroORM, OptimisticLockError, p } from '@mikro-orm/postgresql';
import {
  database,
  eventually,
  freshNamespace,
  redis,
  TcpProxy,
  type Database,
  type PrivateRedis,
} from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayEvent } from '../../../src/index.js';

const Meter = defineEntity({
  name: 'Meter',
  properties: {
    id: p.integer().primary(),
    label: p.string(),
    reading: p.integer().default(0),
    version: p.integer().version(),
  },
});
WriteBehind({
  debounce: '1h',
  maxDelay: '1h',
  counters: ['reading'],
  maxPending: 1,
  onFull: 'write-through',
  onStagingDown: 'write-through',
})(Meter.class as never);

/** Its policy lets nothing pass. */
const Strict = defineEntity({
  name: 'Strict',
  properties: { id: p.integer().primary(), label: p.string(), version: p.integer().version() },
});
WriteBehind({ debounce: '1h', maxDelay: '1h', maxPending: 1, onFull: 'reject' })(Strict.class as never);

let db: Database;
let server: PrivateRedis;
let orm: MikroORM;
let events: SpillwayEvent[];
/** Of this test: rows of earlier ones are remembered. */
let base = 0;

async function ormAt(url: string, namespace = freshNamespace()): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Meter, Strict],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: url, namespace, shards: 1, worker: false, stageTimeout: '200ms', tables: { ensure: true } }),
    ],
  });
}

beforeAll(async () => {
  db = await database();
  server = await redis({ appendfsync: 'always' });
  orm = await ormAt(server.url);
  await orm.schema.create();
  Spillway.of(orm).events$.subscribe((event) => void events.push(event));
});

beforeEach(async () => {
  events = [];
  base += 10;
  await eventually(async () => Spillway.of(orm).drain());
  await orm.em.getConnection().execute('truncate meter, strict');
});

afterAll(async () => {
  await orm.close();
  await server.stop();
  await db.drop();
});

async function rows(): Promise<unknown> {
  return orm.em.getConnection().execute('select id - ? as id, label, reading, version from meter order by id', [base]);
}

describe("C6: onFull: 'write-through'", () => {
  test('a flush for which there is no room is written by SQL, and says so', async () => {
    const em = orm.em.fork();
    em.create(Meter, { id: base + 1, label: 'staged' });
    await em.flush();
    const second = em.create(Meter, { id: base + 2, label: 'by SQL' });
    await em.flush();
    expect(await rows()).toEqual([{ id: 2, label: 'by SQL', reading: 0, version: 1 }]);
    expect(events).toContainEqual({ type: 'overflow', reason: 'full' });
    second.reading += 3;
    await em.flush();
    expect(await rows()).toMatchObject([{ id: 2, reading: 3 }]);
    await Spillway.of(orm).drain();
    expect(await rows()).toMatchObject([
      { id: 1, label: 'staged' },
      { id: 2, reading: 3 },
    ]);
  });

  test('what is pending of its rows is written first', async () => {
    const em = orm.em.fork();
    const first = em.create(Meter, { id: base + 1, label: 'one', reading: 1 });
    await em.flush();
    first.label = 'two';
    first.reading += 1;
    em.create(Meter, { id: base + 2, label: 'no room' });
    await em.flush();
    expect(await rows()).toEqual([
      { id: 1, label: 'two', reading: 2, version: 2 },
      { id: 2, label: 'no room', reading: 0, version: 1 },
    ]);
    expect((await Spillway.of(orm).status()).pending).toEqual({});
  });

  test('a row that is pending already is staged, however full it is', async () => {
    const em = orm.em.fork();
    const first = em.create(Meter, { id: base + 1, label: 'one' });
    await em.flush();
    first.label = 'two';
    await em.flush();
    expect(await rows()).toEqual([]);
    expect(events.filter(({ type }) => type === 'overflow')).toEqual([]);
  });

  test('a flush with an entity whose policy does not allow it fails as a whole', async () => {
    const em = orm.em.fork();
    em.create(Strict, { id: base + 1, label: 'staged' });
    await em.flush();
    em.create(Strict, { id: base + 2, label: 'no room' });
    em.create(Meter, { id: base + 3, label: 'with it' });
    await expect(em.flush()).rejects.toMatchObject({ code: 'STAGING_FULL' });
    expect(await rows()).toEqual([]);
  });
});

describe("C6: onStagingDown: 'write-through'", () => {
  test('a flush is written by SQL while Redis cannot be reached, and conflicts with what is pending there', async () => {
    const em = orm.em.fork();
    const pending = em.create(Meter, { id: base + 1, label: 'written' });
    await em.flush();
    await Spillway.of(orm).drain();
    pending.label = 'pending';
    await em.flush();
    const stale = orm.em.fork();
    const seen = await stale.findOneOrFail(Meter, base + 1);
    await server.kill9();
    try {
      const plain = orm.em.fork();
      plain.create(Meter, { id: base + 2, label: 'without Redis' });
      await plain.flush();
      expect(events).toContainEqual({ type: 'overflow', reason: 'down' });
      expect(await rows()).toMatchObject([
        { id: 1, label: 'written', version: 1 },
        { id: 2, label: 'without Redis' },
      ]);
      // The row is at version 1 in PostgreSQL, and was read with what is pending, at 2: SQL must not go before it.
      seen.label = 'past what is pending';
      await expect(stale.flush()).rejects.toThrow(OptimisticLockError);
      await expect(
        (async () => {
          const strict = orm.em.fork();
          strict.create(Strict, { id: base + 1, label: 'x' });
          await strict.flush();
        })(),
      ).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    } finally {
      await server.restart();
    }
    await eventually(async () => Spillway.of(orm).drain());
    expect(await rows()).toMatchObject([
      { id: 1, label: 'pending', version: 2 },
      { id: 2, label: 'without Redis' },
    ]);
  });

  test('a process that has never reached Redis writes by SQL', async () => {
    const cut = await ormAt('redis://127.0.0.1:1');
    try {
      const em = cut.em.fork();
      em.create(Meter, { id: base + 1, label: 'cut off' });
      await em.flush();
      expect(await rows()).toMatchObject([{ id: 1, label: 'cut off' }]);
    } finally {
      await cut.close();
    }
  });

  test('what was sent and not answered is not written by SQL, and in the end is there once', async () => {
    await using proxy = await TcpProxy.before(server.url);
    const behind = await ormAt(proxy.url);
    try {
      const em = behind.em.fork();
      const meter = em.create(Meter, { id: base + 1, label: 'once' });
      await em.flush();
      await Spillway.of(behind).drain();
      server.pause();
      meter.reading += 1;
      await expect(em.flush()).rejects.toMatchObject({ code: 'STAGING_TIMEOUT' });
      expect(await rows()).toMatchObject([{ id: 1, reading: 0 }]);
      server.resume();
      await eventually(async () => em.flush());
      await Spillway.of(behind).drain();
      expect(await rows()).toMatchObject([{ id: 1, reading: 1 }]);
    } finally {
      server.resume();
      await behind.close();
    }
  });
});
