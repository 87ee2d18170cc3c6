import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { database, freshNamespace, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RowKey, shardOf } from '../../../src/change/row-key.js';
import { Spillway, spillway, StoppedCallError, WriteBehind } from '../../../src/index.js';
import type { StageGroup } from '../../../src/staging/stage-side.js';
import { CutOff } from '../../../src/staging/staging-errors.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging } from '../../../src/testing/index.js';

/** Changes whose stage calls are not answered before the ORM is closed, and which are made again after it is opened. */

const Page = defineEntity({
  name: 'Page',
  tableName: 'cut_off_page',
  properties: {
    id: p.integer().primary(),
    title: p.string().default('old'),
    views: p.integer().default(0),
    version: p.integer().version(),
  },
});
WriteBehind({ counters: ['views'] as never, debounce: '1h', maxDelay: '1h' })(Page.class as never);

const SHARDS = 4;
const PAGES = [1, 2, 3, 4, 5, 6, 7, 8];

let db: Database;
let orm: MikroORM;
/** Of a call to this shard no answer comes, whether it has run or not. */
let silent: { readonly shard: number | 'all'; readonly hasRun: boolean } | undefined;
let asked: () => void;

/** The one shard of a group. */
function shardIn({ units: [unit] }: StageGroup): number {
  return shardOf(unit?.changes[0]?.rowKey as RowKey, SHARDS);
}

/** As one that is closed while it waits for its server. */
function withoutAnswers(inner: StagingStore): StagingStore {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const stage: StagingStore['stage'] = async (call) => {
    if (silent === undefined || (silent.shard !== 'all' && silent.shard !== shardIn(call))) return inner.stage(call);
    if (silent.hasRun) await inner.stage(call);
    asked();
    await closed;
    throw new CutOff('Redis');
  };
  // Each shard on a server of its own, so that each is staged by a call of its own.
  const others: Partial<StagingStore> = { stage, serverOf: (shard) => shard, close: async () => close() };
  return new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(others, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

beforeEach(async () => {
  db = await database();
  const inner = memoryStaging({ shards: SHARDS });
  orm = await MikroORM.init({
    entities: [Page],
    clientUrl: db.url,
    extensions: [
      spillway({ staging: async () => withoutAnswers(inner), namespace: freshNamespace(), tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterEach(async () => {
  silent = undefined;
  await orm.close();
  await db.drop();
});

/** Ends Spillway while an act waits for its answer. What the act is refused with. */
async function cutOff(act: () => Promise<unknown>, silence: NonNullable<typeof silent>): Promise<unknown> {
  const sent = Promise.withResolvers<void>();
  asked = sent.resolve;
  silent = silence;
  const acting = act().then(
    () => 'done',
    (error: Error) => error,
  );
  await sent.promise;
  await Spillway.of(orm).stop({ timeout: '2s' });
  silent = undefined;
  return acting;
}

const SILENCES = [
  { shard: 'all', hasRun: true },
  { shard: 'all', hasRun: false },
  { shard: 1, hasRun: true },
  { shard: 1, hasRun: false },
] as const;

test.each(SILENCES)('a flush is staged once: no answer of shard $shard, has run: $hasRun', async (silence) => {
  const em = orm.em.fork();
  for (const id of PAGES) em.create(Page, { id } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  for (const page of await em.find(Page, {})) (page as { views: number }).views += 1;
  expect(await cutOff(async () => em.flush(), silence)).toMatchObject({ code: 'STOPPED' });
  await orm.connect();
  await em.flush();
  await Spillway.of(orm).drain();
  const rows = await orm.em.fork().find(Page, {}, { orderBy: { id: 'asc' } });
  expect(rows.map(({ views }) => views)).toEqual(PAGES.map(() => 1));
});

const ALL = { id: { $in: PAGES } };
const CALLS: Readonly<Record<string, (em: EntityManager) => Promise<unknown>>> = {
  'increment()': async () => Spillway.of(orm).increment(Page, 5, { views: 1 }),
  'incrementMany()': async () =>
    Spillway.of(orm).incrementMany(
      Page,
      PAGES.map((key) => ({ key, by: { views: 1 } })),
    ),
  'patch()': async () => Spillway.of(orm).patch(Page, 5, { title: 'new' }),
  'em.insert()': async (em) => em.insert(Page, { id: 13, title: 'new', views: 0 }),
  'em.insertMany()': async (em) =>
    em.insertMany(
      Page,
      PAGES.map((id) => ({ id: id + 8, title: 'new', views: 0 })),
    ),
  'em.nativeUpdate()': async (em) => em.nativeUpdate(Page, ALL, { title: 'new' }),
  'em.nativeDelete()': async (em) => em.nativeDelete(Page, ALL),
};

describe.each(Object.entries(CALLS))('%s', (name, call) => {
  /** The rows that the call leaves if nothing comes between. */
  async function rows(): Promise<unknown> {
    await Spillway.of(orm).drain();
    const found = await orm.em.fork().find(Page, {}, { orderBy: { id: 'asc' } });
    return found.map(({ id, title, views }) => ({ id, title, views }));
  }

  test.each(SILENCES)('is staged once by retry(): no answer of shard $shard, has run: $hasRun', async (silence) => {
    const fresh = async (): Promise<void> => {
      const em = orm.em.fork();
      for (const id of PAGES) em.create(Page, { id } as never);
      await em.flush();
      await Spillway.of(orm).drain();
    };
    await fresh();
    await call(orm.em.fork());
    const expected = await rows();
    await orm.em.fork().nativeDelete(Page, {});
    await Spillway.of(orm).drain();
    await fresh();

    // A call of one row asks one shard.
    const one = /^(?:increment|patch|em\.insert)\(/u.test(name);
    const error = await cutOff(async () => call(orm.em.fork()), one ? { ...silence, shard: 'all' } : silence);
    expect(error).toBeInstanceOf(StoppedCallError);
    expect(error).toMatchObject({ code: 'STOPPED', message: expect.stringContaining('retry()') as unknown });
    const lost = error as StoppedCallError;
    await expect(lost.settle()).rejects.toMatchObject({ code: 'STOPPED' });
    await orm.connect();
    const gone = { signal: AbortSignal.abort(new Error('gone')) };
    await expect(lost.settle(gone)).rejects.toThrow('gone');
    await expect(lost.retry(gone)).rejects.toThrow('gone');
    expect(await lost.settle()).toBe(silence.hasRun);
    await lost.retry();
    await lost.retry();
    expect(await rows()).toEqual(expected);
  });
});
