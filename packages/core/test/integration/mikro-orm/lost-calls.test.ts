import type { MikroORM } from '@mikro-orm/postgresql';
import { database, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, SpillwayError, StagingTimeoutError } from '../../../src/index.js';
import type { GroupAnswer, StageGroup } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Article, type ArticleRepository, repositoryOrm, Tag } from './repository-entities.js';

/**
 * `answer lost`: the next stage call runs and nobody hears; `not received`: it does not run. Until `undefined`, fences
 * are not answered either.
 */
let fault: 'answer lost' | 'not received' | undefined;
let sent = 0;

function silent(store: StagingStore): StagingStore {
  const nothing = (): never => {
    throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
  };
  const stage = async (group: StageGroup): Promise<GroupAnswer> => {
    sent += 1;
    if (fault === 'not received') return nothing();
    const answer = await store.stage(group);
    return fault === 'answer lost' ? nothing() : answer;
  };
  const fence = async (group: StageGroup): Promise<GroupAnswer> => (fault ? nothing() : store.fence(group));
  return new Proxy(store, {
    get: (target, name) => {
      const own = { stage, fence }[name as 'stage'];
      const value: unknown = Reflect.get(target, name, target);
      return own ?? (typeof value === 'function' ? value.bind(target) : value);
    },
  });
}

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  const staging = silent(memoryStaging());
  orm = await repositoryOrm(db.url, { redis: undefined, staging, worker: false, stageTimeout: '50ms' } as never);
  await orm.schema.create();
  await Spillway.of(orm).start();
});

beforeEach(() => {
  fault = undefined;
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const articles = (): ArticleRepository => orm.em.fork().getRepository(Article) as ArticleRepository;

async function saved(): Promise<Article> {
  const repository = articles();
  const article = repository.create({ name: 'x' });
  await (await repository.save(article)).written();
  return article;
}

async function lost(act: () => Promise<unknown>, how: typeof fault): Promise<StagingTimeoutError> {
  fault = how;
  const error: unknown = await act().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StagingTimeoutError);
  expect(error).toMatchObject({ code: 'STAGING_TIMEOUT' });
  return error as StagingTimeoutError;
}

async function inDatabase(id: string): Promise<unknown> {
  await Spillway.of(orm).drain();
  const [row] = await orm.em.getConnection().execute('select name, stock from article where id = ?', [id]);
  return row;
}

describe('a call whose answer is lost (C5)', () => {
  test.each(['answer lost', 'not received'] as const)('is applied once by retry(), however often: %s', async (how) => {
    const { id } = await saved();
    const error = await lost(() => articles().increment(id, { stock: 3 }), how);
    expect(String(error)).toContain(`it is unknown whether Article ${id} is staged`);
    expect(String(error)).toContain("Call the error's retry(), which finds out first and stages nothing twice");
    await expect(error.settle()).rejects.toBe(error);
    await expect(error.retry()).rejects.toBe(error);
    fault = undefined;
    await Promise.all([error.retry(), error.retry()]);
    await error.retry();
    expect(await error.settle()).toBe(true);
    expect(await inDatabase(id)).toMatchObject({ stock: 3 });
  });

  test('is only found out about by settle(), and never runs afterwards', async () => {
    const { id } = await saved();
    const patch = await lost(() => articles().patch(id, { name: 'never' }), 'not received');
    fault = undefined;
    expect(await patch.settle()).toBe(false);
    expect(await inDatabase(id)).toMatchObject({ name: 'x' });
    const update = await lost(() => articles().nativeUpdate({ id }, { name: 'done' }), 'answer lost');
    fault = undefined;
    expect(await update.settle()).toBe(true);
    expect(await inDatabase(id)).toMatchObject({ name: 'done' });
  });

  test('of em.insert() is sent again once, by retry()', async () => {
    const one = await lost(() => orm.em.fork().getRepository(Tag).insert({ id: 1, name: 'x' }), 'not received');
    fault = undefined;
    const before = sent;
    await one.retry();
    expect(sent).toBe(before + 1);
    await Spillway.of(orm).drain(Tag);
    expect(await orm.em.getConnection().execute('select count(*)::int as count from tag')).toEqual([{ count: 1 }]);
  });

  test('is refused by retry() as it would have been', async () => {
    const { id } = await saved();
    const error = await lost(() => articles().patch(id, { name: 'late' }, { version: 1 }), 'not received');
    fault = undefined;
    await articles().patch(id, { name: 'sooner' }, { version: 1 });
    await expect(error.retry()).rejects.toMatchObject({ name: 'OptimisticLockError' });
    expect(await inDatabase(id)).toMatchObject({ name: 'sooner' });
  });
});

test('two extensions on one ORM are refused by name', async () => {
  const twice = [0, 1].map(() => spillway({ redis: sharedRedisUrl() }));
  const error = await repositoryOrm(db.url, {}, { extensions: twice }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(String(error)).toContain('spillway() stands twice in the extensions of one ORM');
});

test('a flush that brings a deleted row back, and whose answer is lost, goes on with the version that was staged', async () => {
  const em = orm.em.fork();
  const old = em.create(Article, { name: 'old' } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  for (const name of ['a', 'b', 'c']) {
    old.name = name;
    await em.flush();
  }
  const { id } = old;
  em.remove(old);
  await em.flush();
  const again = orm.em.fork();
  const article = again.create(Article, { id, name: 'new' } as never);
  fault = 'answer lost';
  await expect(again.flush()).rejects.toMatchObject({ code: 'STAGING_TIMEOUT' });
  fault = undefined;
  await again.flush();
  article.name = 'newer';
  await again.flush();
  expect(await inDatabase(id)).toMatchObject({ name: 'newer' });
});
