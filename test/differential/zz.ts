import startSharedServers from '../support/global-setup.js';
import { openBehind, openPlain } from './open-orm.js';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Spillway } from '@spillway/core';
const stop = await startSharedServers();
for (const world of ['plain', 'behind'] as const) {
  const db = await database();
  const s = { plainUrl: db.url, behindUrl: db.url, redisUrl: sharedRedisUrl(), namespace: freshNamespace(), pace: 'none' as const };
  const { orm, schemas } = world === 'plain' ? await openPlain(s) : await openBehind(s);
  await orm.schema.create();
  orm.config.get('subscribers').push();
  orm.em.getEventManager().registerSubscriber({ onFlush({ uow }: any) { console.log(world, 'onFlush', uow.getChangeSets().map((c: any) => [c.type, c.payload, c.originalEntity])); }, afterFlush({uow}: any) { console.log(world, 'after', uow.getChangeSets().map((c: any) => [c.type, c.payload])); } } as any);
  const em = orm.em.fork(); const P = schemas['Person'] as any; const id = '11111111-1111-4111-8111-111111111111';
  em.create(P, { id, tag: 'p', name: 'a', age: 1 }); await em.flush();
  await em.transactional(async (inner) => { inner.clear(); const e: any = await inner.findOne(P, id); inner.assign(e, { age: 5, mentor: inner.getReference(P, id) }); await inner.flush(); });
  await em.flush();
  if (world === 'behind') await Spillway.of(orm).drain();
  console.log(await orm.em.getConnection().execute('select age, mentor_id, version from person'));
  await orm.close(); await db.drop();
}
await stop();
