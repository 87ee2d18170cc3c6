import {
  defineEntity,
  MikroORM,
  OptimisticLockError,
  p,
  UniqueConstraintViolationException,
} from '@mikro-orm/postgresql';
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

const Gauge = defineEntity({
  name: 'Gauge',
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
})(Gauge.class as never);

/** Its rows are numbered by the database. */
const Note = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary().autoincrement(), text: p.string(), version: p.integer().version() },
});
WriteBehind({ debounce: '1h', maxDelay: '1h', maxPending: 1, onFull: 'write-through' })(Note.class as never);

/** Its policy lets nothing pass. */
const Strict = defineEntity({
  name: 'Strict',
  properties: {
    id: p.integer().primary(),
    label: p.string(),
    reading: p.integer().default(0),
    version: p.integer().version(),
  },
});
WriteBehind({ debounce: '1h', maxDelay: '1h', counters: ['reading'], maxPending: 1, onFull: 'reject' })(
  Strict.class as never,
);

let db: Database;
let server: PrivateRedis;
let orm: MikroORM;
let events: SpillwayEvent[];
/** Of this test: rows of earlier ones are remembered. */
let base = 0;

async function ormAt(url: string): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Gauge, Note, Strict],
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: url,
        namespace: freshNamespace(),
        shards: 1,
        worker: false,
        stageTimeout: '200ms',
        tables: { ensure: true },
      }),
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
  await orm.em.getConnection().execute('truncate gauge, note, strict');
});

afterAll(async () => {
  await orm.close();
  await server.stop();
  await db.drop();
});

async function rows(): Promise<unknown> {
  return orm.em.getConnection().execute('select id - ? as id, label, reading, version from gauge order by id', [base]);
}

/** Rows that are in PostgreSQL, and one pending, after which there is no room. */
async function full(written: number): Promise<void> {
  for (let id = 1; id <= written; id += 1)
    await orm.em
      .getConnection()
      .execute('insert into gauge (id, label, version) values (?, ?, 1)', [base + id, 'written']);
  const em = orm.em.fork();
  em.create(Gauge, { id: base, label: 'pending' });
  await em.flush();
}

function overflows(): unknown[] {
  return events.filter(({ type }) => type === 'overflow');
}

describe("C6: a call past the unit of work, with onFull: 'write-through'", () => {
  test('em.insert() is written by SQL, and says so; what is pending of other rows stays so', async () => {
    await full(0);
    const key = await orm.em.fork().insert(Gauge, { id: base + 1, label: 'by SQL' });
    expect(key).toBe(base + 1);
    expect(await rows()).toEqual([{ id: 1, label: 'by SQL', reading: 0, version: 1 }]);
    expect(overflows()).toEqual([{ type: 'overflow', reason: 'full' }]);
    expect((await Spillway.of(orm).status()).writes).toMatchObject({ Gauge: { 'sql:fallback': 1 } });
  });

  test('em.insertMany() of rows that the database numbers is written by SQL, with its answer', async () => {
    const em = orm.em.fork();
    await em.insert(Note, { text: 'staged' });
    const keys = await em.insertMany(Note, [{ text: 'a' }, { text: 'b' }]);
    const found: { id: number; text: string }[] = await em
      .getConnection()
      .execute('select id, text from note order by id');
    expect(found.map(({ text }) => text)).toEqual(['a', 'b']);
    // As plain MikroORM answers.
    expect(keys).toEqual([found[0]?.id]);
  });

  test('em.insert() of an entity is written by SQL', async () => {
    await full(0);
    const em = orm.em.fork();
    await em.insert(em.create(Gauge, { id: base + 1, label: 'entity' }, { persist: false }));
    expect(await rows()).toMatchObject([{ id: 1, label: 'entity', version: 1 }]);
  });

  test('em.upsert() and em.upsertMany() insert and change by SQL', async () => {
    await full(1);
    const em = orm.em.fork();
    await em.upsert(Gauge, { id: base + 1, label: 'upserted' });
    await em.upsertMany(Gauge, [
      { id: base + 2, label: 'new' },
      { id: base + 3, label: 'new' },
    ]);
    expect(await rows()).toMatchObject([
      { id: 1, label: 'upserted' },
      { id: 2, label: 'new' },
      { id: 3, label: 'new' },
    ]);
  });

  test('em.nativeUpdate() and em.nativeDelete() by key change by SQL, and answer how many rows', async () => {
    await full(3);
    const em = orm.em.fork();
    expect(await em.nativeUpdate(Gauge, { id: { $in: [base + 1, base + 2, base + 9] } }, { label: 'updated' })).toBe(2);
    expect(await em.nativeDelete(Gauge, { id: base + 3 })).toBe(1);
    expect(await rows()).toEqual([
      { id: 1, label: 'updated', reading: 0, version: 2 },
      { id: 2, label: 'updated', reading: 0, version: 2 },
    ]);
  });

  test('what is pending of its rows is written first', async () => {
    await full(1);
    const em = orm.em.fork();
    expect(await em.nativeUpdate(Gauge, { id: { $in: [base, base + 1] } }, { label: 'both' })).toBe(2);
    expect(await rows()).toEqual([
      { id: 0, label: 'both', reading: 0, version: 2 },
      { id: 1, label: 'both', reading: 0, version: 2 },
    ]);
    expect((await Spillway.of(orm).status()).pending).toEqual({});
  });

  test('patch() and increment() change by SQL; a version is compared, and a row that is not there refused', async () => {
    await full(1);
    const service = Spillway.of(orm);
    await (await service.increment(Gauge, base + 1, { reading: 3 })).written();
    await service.patch(Gauge, base + 1, { label: 'patched' });
    await service.patch(Gauge, base + 1, { label: 'again' }, { version: 2 });
    expect(await rows()).toEqual([{ id: 1, label: 'again', reading: 3, version: 3 }]);
    await expect(service.patch(Gauge, base + 1, { label: 'stale' }, { version: 2 })).rejects.toThrow(
      OptimisticLockError,
    );
    await expect(service.increment(Gauge, base + 2, { reading: 1 })).rejects.toThrow(OptimisticLockError);
    expect(await rows()).toEqual([{ id: 1, label: 'again', reading: 3, version: 3 }]);
  });

  test('fails where the policy does not let it pass', async () => {
    const em = orm.em.fork();
    await em.insert(Strict, { id: base, label: 'staged' });
    await expect(em.insert(Strict, { id: base + 1, label: 'no room' })).rejects.toMatchObject({ code: 'STAGING_FULL' });
    await em.getConnection().execute("insert into strict (id, label, version) values (?, 'written', 1)", [base + 2]);
    const refused = { code: 'STAGING_FULL' };
    await expect(em.nativeUpdate(Strict, { id: base + 2 }, { label: 'x' })).rejects.toMatchObject(refused);
    await expect(em.nativeDelete(Strict, { id: base + 2 })).rejects.toMatchObject(refused);
    await expect(Spillway.of(orm).patch(Strict, base + 2, { label: 'x' })).rejects.toMatchObject(refused);
    await expect(Spillway.of(orm).increment(Strict, base + 2, { reading: 1 })).rejects.toMatchObject(refused);
    expect(await em.getConnection().execute('select label, reading from strict')).toEqual([
      { label: 'written', reading: 0 },
    ]);
    expect(overflows()).toEqual([]);
  });
});

describe("C6: a call past the unit of work, with onStagingDown: 'write-through'", () => {
  const refusal = (call: string): unknown =>
    expect.objectContaining({
      code: 'STAGING_UNAVAILABLE',
      message: expect.stringMatching(
        new RegExp(
          `^${call} of Gauge was neither staged nor written by SQL \\(onStagingDown: 'write-through'\\), because it compares no version: .* Load the entity and call em\\.flush\\(\\), give patch\\(\\) the version, or call again when Redis is back`,
        ),
      ) as string,
    });

  test('em.insert() and a patch() that compares a version are written by SQL', async () => {
    await full(1);
    await server.kill9();
    try {
      const em = orm.em.fork();
      await em.insert(Gauge, { id: base + 2, label: 'without Redis' });
      await em.insertMany(Gauge, [{ id: base + 3, label: 'a' }]);
      await Spillway.of(orm).patch(Gauge, base + 1, { label: 'patched' }, { version: 1 });
      await expect(Spillway.of(orm).patch(Gauge, base + 1, { label: 'stale' }, { version: 1 })).rejects.toThrow(
        OptimisticLockError,
      );
      // Of this one something is pending, so no version of it is in the database.
      await expect(Spillway.of(orm).patch(Gauge, base, { label: 'x' }, { version: 1 })).rejects.toThrow(
        OptimisticLockError,
      );
      await expect(em.insert(Gauge, { id: base + 1, label: 'twice' })).rejects.toThrow(
        UniqueConstraintViolationException,
      );
      expect(await rows()).toEqual([
        { id: 1, label: 'patched', reading: 0, version: 2 },
        { id: 2, label: 'without Redis', reading: 0, version: 1 },
        { id: 3, label: 'a', reading: 0, version: 1 },
      ]);
      expect(overflows()).toContainEqual({ type: 'overflow', reason: 'down' });
    } finally {
      await server.restart();
    }
    await eventually(async () => Spillway.of(orm).drain());
    expect(await rows()).toMatchObject([{ id: 0, label: 'pending' }, { id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test('whatever compares no version is refused by name: what is pending of its rows would be written over it', async () => {
    await full(1);
    await server.kill9();
    try {
      const em = orm.em.fork();
      const service = Spillway.of(orm);
      const where = { id: base };
      await expect(em.nativeUpdate(Gauge, where, { label: 'x' })).rejects.toEqual(refusal('em\\.nativeUpdate\\(\\)'));
      await expect(em.nativeDelete(Gauge, where)).rejects.toEqual(refusal('em\\.nativeDelete\\(\\)'));
      await expect(em.upsert(Gauge, { ...where, label: 'x' })).rejects.toEqual(refusal('em\\.upsert\\(\\)'));
      await expect(em.upsertMany(Gauge, [{ ...where, label: 'x' }])).rejects.toEqual(refusal('em\\.upsertMany\\(\\)'));
      await expect(service.patch(Gauge, base, { label: 'x' })).rejects.toEqual(refusal('patch\\(\\)'));
      await expect(service.increment(Gauge, base, { reading: 1 })).rejects.toEqual(refusal('increment\\(\\)'));
      expect(overflows()).toEqual([]);
    } finally {
      await server.restart();
    }
    await eventually(async () => Spillway.of(orm).drain());
    expect(await rows()).toMatchObject([{ id: 0, label: 'pending', reading: 0 }, { id: 1 }]);
  });

  test('what was sent and not answered is not written by SQL, and in the end is there once', async () => {
    await using proxy = await TcpProxy.before(server.url);
    const behind = await ormAt(proxy.url);
    try {
      const em = behind.em.fork();
      await em.insert(Gauge, { id: base + 1, label: 'first' });
      await Spillway.of(behind).drain();
      server.pause();
      const lost: unknown = await em.insert(Gauge, { id: base + 2, label: 'once' }).catch((error: unknown) => error);
      expect(lost).toMatchObject({ code: 'STAGING_TIMEOUT' });
      expect(await rows()).toMatchObject([{ id: 1 }]);
      server.resume();
      await eventually(async () => (lost as { retry(): Promise<void> }).retry());
      await Spillway.of(behind).drain();
      expect(await rows()).toMatchObject([{ id: 1 }, { id: 2, label: 'once', version: 1 }]);
    } finally {
      server.resume();
      await behind.close();
    }
  });
});

describe("C6: a flush that deletes, with onStagingDown: 'write-through'", () => {
  test('does not delete past what is pending of the row, which would bring it back', async () => {
    await full(1);
    const em = orm.em.fork();
    const [pending, changed, plain] = [
      await em.findOneOrFail(Gauge, base),
      await em.findOneOrFail(Gauge, base + 1),
      orm.em.fork(),
    ];
    expect(pending.version).toBe(1);
    await orm.em.getConnection().execute('update gauge set version = 2 where id = ?', [base + 1]);
    await orm.em.getConnection().execute("insert into gauge (id, label, version) values (?, 'to go', 1)", [base + 2]);
    const fresh = await plain.findOneOrFail(Gauge, base + 2);
    await server.kill9();
    try {
      em.remove(pending);
      await expect(em.flush()).rejects.toThrow(OptimisticLockError);
      const other = orm.em.fork();
      other.remove(other.merge(Gauge, { id: base + 1, label: 'written', reading: 0, version: changed.version }));
      await expect(other.flush()).rejects.toThrow(OptimisticLockError);
      plain.remove(fresh);
      await plain.flush();
      expect(await rows()).toMatchObject([{ id: 1 }]);
    } finally {
      await server.restart();
    }
    await eventually(async () => Spillway.of(orm).drain());
    expect(await rows()).toMatchObject([{ id: 0, label: 'pending' }, { id: 1 }]);
  });
});
