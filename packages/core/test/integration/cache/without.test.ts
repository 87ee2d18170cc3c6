import { Session } from 'node:inspector/promises';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { spillway, Spillway, WriteBehind } from '../../../src/index.js';

/** Files of the cache: its room, and its parts behind the ports. */
const OF_CACHE = /\/core\/src\/(?:.*\/)?(?:cache\/[\w-]+|(?:memory-|redis-)?row-cache)\.ts$/;

let db: Database;
const orms: MikroORM[] = [];

beforeEach(async () => {
  db = await database();
});

afterEach(async () => {
  await Promise.all(orms.splice(0).map((orm) => orm.close()));
  await db.drop();
});

/** The files of the cache that run while an entity under this policy is written and read in all ways. */
async function filesThatRun(policy: object): Promise<readonly string[]> {
  const Page = defineEntity({
    name: 'Page',
    properties: { id: p.integer().primary(), title: p.text(), version: p.integer().version() },
  });
  WriteBehind({ debounce: '1h', maxDelay: '1h', ...policy })(Page.class);
  const orm = await MikroORM.init({
    entities: [Page],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  orms.push(orm);
  const { em } = orm;
  await orm.schema.create();
  await Spillway.of(orm).start();
  return ranDuring(async () => {
    const staged = em.fork();
    const page = staged.create(Page, { id: 1, title: 'Home' } as never) as { title: string };
    await staged.flush();
    await em.fork().findOneOrFail(Page, 1);
    await Spillway.of(orm).drain();
    page.title = 'Start';
    await staged.flush();
    await em.fork().find(Page, {});
    await em.fork().nativeUpdate(Page, { title: 'Start' }, { title: 'Home' });
    await em.fork().transactional(async (inside) => {
      (await inside.findOneOrFail(Page, 1)).title = 'In a transaction';
    });
    await em.fork().nativeDelete(Page, {});
  });
}

async function ranDuring(act: () => Promise<void>): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await session.post('Profiler.takePreciseCoverage');
    await act();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const ran = result.filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName !== '' && ranges.some(({ count }) => count > 0)),
    );
    return ran.map(({ url }) => url).filter((url) => OF_CACHE.test(url));
  } finally {
    session.disconnect();
  }
}

test('where no entity is cached, nothing of the cache runs, however rows are written and read', async () => {
  expect(await filesThatRun({})).toEqual([]);
});

test('where one is cached, it does: the measurement sees it', async () => {
  const ran = await filesThatRun({ cache: { ttl: '5m' } });
  expect(ran.map((url) => /[^/]+\/[^/]+$/.exec(url)?.[0])).toEqual(
    expect.arrayContaining(['cache/cache.ts', 'cache/look-ups.ts', 'cache/marks.ts', 'redis/redis-row-cache.ts']),
  );
});
