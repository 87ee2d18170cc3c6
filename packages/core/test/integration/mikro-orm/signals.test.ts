import { defineEntity, MikroORM, p, raw, type EntityManager } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, SpillwayRepository, WriteBehind } from '../../../src/index.js';
import { spillwayWithSteps } from '../../../src/testing/spillway-with-steps.js';
import { twins, type Twins } from './twin-orm.js';

const Card = defineEntity({
  name: 'Card',
  properties: {
    id: p.integer().primary().autoincrement(),
    text: p.string(),
    version: p.integer().version(),
  },
});
WriteBehind({ drainTimeout: '1m' })(Card.class as never);

const Kept = defineEntity({
  name: 'Kept',
  repository: () => SpillwayRepository,
  properties: { id: p.integer().primary().autoincrement(), text: p.string(), count: p.integer().default(0) },
});
WriteBehind({ counters: ['count'] })(Kept.class as never);

let pair: Twins;

beforeAll(async () => {
  pair = await twins([Card, Kept]);
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
});

beforeEach(async () => {
  for (const orm of [pair.behind, pair.plain]) {
    await orm.em.fork().nativeDelete(Card, {});
    await orm.em.fork().insert(Card, { id: 1000, text: 'there' });
  }
  await Spillway.of(pair.behind).drain();
});

type Act = (em: EntityManager, options: object) => Promise<unknown>;

/** Calls that are given a signal as an option, or by their entity manager. */
const CALLS: Readonly<Record<string, Act>> = {
  'em.insert()': async (em, options) => em.insert(Card, { text: 'new' }, options),
  'em.insertMany()': async (em, options) =>
    em.insertMany(Card, [{ text: 'new' }, { text: 'other' }] as never[], options),
  'em.upsert()': async (em, options) => em.upsert(Card, { id: 1000, text: 'changed' }, options),
  'em.upsertMany()': async (em, options) =>
    em.upsertMany(Card, [{ id: 1000, text: 'changed' } as never, { id: 1001, text: 'new' } as never], options),
  'em.nativeUpdate()': async (em, options) => em.nativeUpdate(Card, { id: 1000 }, { text: 'changed' }, options),
  'em.nativeDelete()': async (em, options) => em.nativeDelete(Card, { id: 1000 }, options),
  'em.findOne()': async (em, options) => em.findOne(Card, 1000, options),
  'em.find()': async (em, options) => em.find(Card, { text: 'there' }, options),
  'em.count()': async (em, options) => em.count(Card, {}, options),
};

const FLUSHES: Readonly<Record<string, Act>> = {
  'em.flush() of a new row': async (em) => em.persist(em.create(Card, { text: 'new' } as never)).flush(),
  'em.flush() of a removed row': async (em) => em.remove(em.getReference(Card, 1000)).flush(),
};

interface Seen {
  readonly error: unknown;
  readonly isReason: boolean;
  readonly rows: unknown;
}

/** How a call fails, what it is told to fail with, and what there is afterwards. */
async function seen(orm: MikroORM, act: () => Promise<unknown>, reason: unknown): Promise<Seen> {
  const error: unknown = await act().then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  const { name, message, code } = error as { name: string; message: string; code: unknown };
  const rows = await orm.em.fork().find(Card, {}, { orderBy: { id: 1 } });
  return { error: { name, message, code }, isReason: error === reason, rows: rows.map(({ text }) => text) };
}

const REASONS: Readonly<Record<string, unknown>> = {
  'its own reason': undefined,
  'an error of the application': new TypeError('the caller has gone'),
};

describe.each(Object.entries(REASONS))('a signal that was aborted with %s', (_name, given) => {
  const aborted = (): AbortSignal => AbortSignal.abort(given);

  test.each(Object.entries(CALLS))(
    'as an option of %s, ends it as by MikroORM alone, and nothing is staged',
    async (_call, act) => {
      const [ours, theirs] = await Promise.all(
        [pair.behind, pair.plain].map(async (orm) => {
          const signal = aborted();
          return seen(orm, async () => act(orm.em.fork(), { signal }), signal.reason);
        }),
      );
      expect(ours).toEqual(theirs);
      expect(ours).toMatchObject({ rows: ['there'] });
    },
  );

  test.each(Object.entries({ ...CALLS, ...FLUSHES }))(
    'of the entity manager ends %s as by MikroORM alone, and nothing is staged',
    async (_call, act) => {
      const [ours, theirs] = await Promise.all(
        [pair.behind, pair.plain].map(async (orm) => {
          const signal = aborted();
          return seen(orm, async () => act(orm.em.fork({ signal }), {}), signal.reason);
        }),
      );
      expect(ours).toEqual(theirs);
      expect(ours).toMatchObject({ rows: ['there'] });
    },
  );
});

/** Calls of which MikroORM sends nothing to the database, so that no signal ends them there. */
const NOTHING: Readonly<Record<string, Act>> = {
  'em.flush() of nothing': async (em) => em.flush(),
  'em.insertMany() of nothing': async (em, options) => em.insertMany(Card, [], options),
  'em.upsertMany() of nothing': async (em, options) => em.upsertMany(Card, [], options),
  'em.populate() of nothing': async (em, options) => em.populate([], [], options),
};

test.each(Object.entries(NOTHING))('that is aborted ends %s as by MikroORM alone', async (_call, act) => {
  const [ours, theirs] = await Promise.all(
    [pair.behind, pair.plain].map(async (orm) => {
      const signal = AbortSignal.abort();
      return seen(orm, async () => act(orm.em.fork({ signal }), { signal }), signal.reason);
    }),
  );
  expect(ours).toEqual(theirs);
});

test('that is aborted does not keep anybody from a row that is loaded already', async () => {
  for (const orm of [pair.behind, pair.plain]) {
    const em = orm.em.fork();
    const card = await em.findOneOrFail(Card, 1000);
    expect(await em.findOne(Card, 1000, { signal: AbortSignal.abort() })).toBe(card);
  }
});

test('an aborted flush leaves its entities as they were, so that another entity manager can take them', async () => {
  const controller = new AbortController();
  const em = pair.behind.em.fork({ signal: controller.signal });
  const card = await em.findOneOrFail(Card, 1000);
  const { version } = card;
  card.text = 'changed';
  controller.abort();
  await expect(em.flush()).rejects.toThrow('aborted');
  expect(card.version).toBe(version);
  em.getUnitOfWork().computeChangeSets();
  expect(
    em
      .getUnitOfWork()
      .getChangeSets()
      .map(({ payload }) => payload),
  ).toEqual([{ text: 'changed' }]);
});

test('of the entity manager of a repository ends its calls, and nothing is staged', async () => {
  const em = pair.behind.em.fork({ signal: AbortSignal.abort(new Error('gone')) });
  const cards = em.getRepository(Kept);
  for (const call of [
    async () => cards.patch(1, { text: 'patched' }),
    async () => cards.increment(1, { count: 1 }),
    async () => cards.save(em.create(Kept, { text: 'new' } as never)),
  ])
    await expect(call()).rejects.toMatchObject({ message: 'gone', name: 'DriverException' });
  expect((await Spillway.of(pair.behind).status()).pending['Kept']).toBeUndefined();
});

describe('a signal of a call of the service, or of a repository', () => {
  const service = (): Spillway => Spillway.of(pair.behind);
  const repository = () => pair.behind.em.fork().getRepository(Kept);
  const letter = { shard: 0, id: '1' };
  const ROWS = [{ key: 1, by: { count: 1 } }];

  const ITS_CALLS: Readonly<Record<string, (options: { readonly signal: AbortSignal }) => Promise<unknown>>> = {
    'patch()': async (options) => service().patch(Kept, 1, { text: 'changed' }, options),
    'increment()': async (options) => service().increment(Kept, 1, { count: 1 }, options),
    'incrementMany()': async (options) => service().incrementMany(Kept, ROWS, options),
    'deadLetters.retry()': async (options) => service().deadLetters.retry(letter, options),
    'repository.patch()': async (options) => repository().patch(1, { text: 'changed' }, options),
    'repository.increment()': async (options) => repository().increment(1, { count: 1 }, options),
    'repository.incrementMany()': async (options) => repository().incrementMany(ROWS, options),
    'repository.patch() by SQL': async (options) =>
      pair.behind.em.fork().transactional(async (em) => {
        const inside = em.getRepository(Kept);
        await inside.patch(1, { text: 'changed' }, options);
      }),
    'repository.increment() by SQL': async (options) =>
      pair.behind.em.fork().transactional(async (em) => {
        const inside = em.getRepository(Kept);
        await inside.increment(1, { count: 1 }, options);
      }),
  };

  test.each(Object.entries(ITS_CALLS))('ends %s, and nothing is staged', async (_, act) => {
    const em = pair.behind.em.fork();
    await em.upsert(Kept, { id: 1, text: 'there', count: 0 });
    await service().drain();
    await expect(act({ signal: AbortSignal.abort(new Error('the caller has gone')) })).rejects.toThrow(
      'the caller has gone',
    );
    expect((await service().status()).pending).toEqual({});
    expect(await pair.behind.em.fork().findOneOrFail(Kept, 1)).toMatchObject({ text: 'there', count: 0 });
    await act({ signal: new AbortController().signal });
    await expect(act({ signal: 'soon' as never })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await em.nativeDelete(Kept, {});
    await service().drain();
  });
});

describe('a wait for what is pending', () => {
  let db: Database;
  let orm: MikroORM;
  /** A flush that has begun says so, and goes on when it is told. */
  let flush = { begun: Promise.withResolvers<void>(), goOn: Promise.withResolvers<void>() };

  beforeAll(async () => {
    db = await database();
    const options = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } };
    const steps = async (step: string): Promise<void> => {
      if (step !== 'begun') return;
      flush.begun.resolve();
      await flush.goOn.promise;
    };
    orm = await MikroORM.init({
      entities: [Card],
      clientUrl: db.url,
      extensions: [spillwayWithSteps(options, steps)],
    });
    await orm.schema.create();
  });

  afterAll(async () => {
    flush.goOn.resolve();
    await orm.close();
    await db.drop();
  });

  const PENDING = 7000;

  const WAITS: Readonly<Record<string, Act>> = {
    'em.find()': CALLS['em.find()'] as Act,
    'em.count()': CALLS['em.count()'] as Act,
    'em.countBy()': async (em, options) => em.countBy(Card, 'text', options),
    'em.stream()': async (em, options) => {
      for await (const _ of em.stream(Card, { where: { text: 'there' }, ...options })) break;
    },
    'em.insert() of what only SQL can write': async (em, options) =>
      em.insert(Card, { id: 5000, text: raw("'new'") }, options),
    'em.nativeUpdate() by criteria': async (em, options) =>
      em.nativeUpdate(Card, { text: 'pending' }, { text: 'again' }, options),
    'em.nativeDelete() by criteria': async (em, options) => em.nativeDelete(Card, { text: 'pending' }, options),
    'em.find() in a transaction': async (em, options) =>
      em.transactional(async (inside) => inside.find(Card, { text: 'there' }, options)),
    'em.nativeUpdate() by key in a transaction': async (em, options) =>
      em.transactional(async (inside) => inside.nativeUpdate(Card, { id: PENDING }, { text: 'again' }, options)),
  };

  test.each(Object.entries(WAITS))('ends at once when the signal of %s is aborted', async (_call, act) => {
    flush = { begun: Promise.withResolvers<void>(), goOn: Promise.withResolvers<void>() };
    await orm.em.fork().insert(Card, { id: PENDING, text: 'pending' });
    const controller = new AbortController();
    const waiting = act(orm.em.fork(), { signal: controller.signal });
    await Promise.race([flush.begun.promise, waiting]);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    // The flush goes on for whoever else waits for it.
    flush.goOn.resolve();
    await Spillway.of(orm).drain();
    expect(await orm.em.fork().count(Card, { text: 'pending' })).toBe(1);
    await orm.em.fork().nativeDelete(Card, {});
  });
});
