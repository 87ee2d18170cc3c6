import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RowKey } from '../../../src/change/row-key.js';
import { shardOf } from '../../../src/change/shard.js';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import type { StageGroup } from '../../../src/staging/stage-side.js';
import { CutOff } from '../../../src/staging/staging-errors.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging } from '../../../src/testing/index.js';

/** A flush whose stage calls are not answered before the ORM is closed, and which is made again after it is opened. */

const Page = defineEntity({
  name: 'Page',
  tableName: 'cut_off_page',
  properties: { id: p.integer().primary(), views: p.integer().default(0), version: p.integer().version() },
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

test.each([
  { shard: 'all', hasRun: true },
  { shard: 'all', hasRun: false },
  { shard: 1, hasRun: true },
  { shard: 1, hasRun: false },
] as const)('is staged once: no answer of shard $shard, has run: $hasRun', async (silence) => {
  const em = orm.em.fork();
  for (const id of PAGES) em.create(Page, { id } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  for (const page of await em.find(Page, {})) (page as { views: number }).views += 1;
  const sent = Promise.withResolvers<void>();
  asked = sent.resolve;
  silent = silence;
  const flushing = em.flush().then(
    () => 'flushed',
    (error: Error) => error,
  );
  await sent.promise;
  await Spillway.of(orm).stop({ timeout: '2s' });
  expect(await flushing).toMatchObject({ code: 'STOPPED' });
  silent = undefined;
  await orm.connect();
  await em.flush();
  await Spillway.of(orm).drain();
  const rows = await orm.em.fork().find(Page, {}, { orderBy: { id: 'asc' } });
  expect(rows.map(({ views }) => views)).toEqual(PAGES.map(() => 1));
});
