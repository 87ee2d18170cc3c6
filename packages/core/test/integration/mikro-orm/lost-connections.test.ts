import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, redis, type Database, type PrivateRedis, TcpProxy } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const Gauge = defineEntity({
  name: 'Gauge',
  properties: { id: p.integer().primary(), value: p.integer(), version: p.integer().version() },
});
WriteBehind()(Gauge.class);

/** Its readings go with it, so that it is deleted by SQL. */
const Sensor = defineEntity({
  name: 'Sensor',
  properties: { id: p.integer().primary(), version: p.integer().version() },
});
const Reading = defineEntity({
  name: 'Reading',
  properties: {
    id: p.integer().primary(),
    sensor: () => p.manyToOne(Sensor).deleteRule('cascade'),
    version: p.integer().version(),
  },
});
for (const { class: entity } of [Sensor, Reading]) WriteBehind({ onStagingDown: 'write-through' })(entity as never);

const STAGE_TIMEOUT_MS = 400;

let db: Database;
let server: PrivateRedis;
let proxy: TcpProxy;
let orm: MikroORM;
let namespace: string;

async function open(url: string): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Gauge, Sensor, Reading],
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: url,
        namespace,
        worker: false,
        stageTimeout: STAGE_TIMEOUT_MS,
        tables: { ensure: true },
      }),
    ],
  });
}

beforeAll(async () => {
  db = await database();
  server = await redis();
});

beforeEach(async () => {
  proxy = await TcpProxy.before(server.url);
  namespace = freshNamespace();
  orm = await open(proxy.url);
  await orm.schema.refresh();
  const em = orm.em.fork();
  em.create(Gauge, { id: 1, value: 1 });
  await em.flush();
});

afterEach(async () => {
  await orm.close();
  await proxy[Symbol.asyncDispose]();
});

afterAll(async () => {
  await server.stop();
  await db.drop();
});

test('a look-up whose connection is lost asks again', async () => {
  const lost = proxy.lose('answer', 'EVALSHA');
  expect(await orm.em.fork().findOneOrFail(Gauge, 1)).toMatchObject({ value: 1 });
  await lost;
});

test('a query whose connection is lost asks again', async () => {
  const lost = proxy.lose('request', 'EVALSHA');
  expect(await orm.em.fork().find(Gauge, { value: 1 })).toMatchObject([{ id: 1 }]);
  await lost;
});

test('pending() and drain() ask again', async () => {
  let lost = proxy.lose('answer', 'EVALSHA');
  expect(await Spillway.of(orm).pending(Gauge, 1)).toMatchObject({ changes: { value: 1 } });
  await lost;
  lost = proxy.lose('answer', 'EVALSHA');
  await Spillway.of(orm).drain();
  await lost;
  expect(await Spillway.of(orm).pending(Gauge, 1)).toBeUndefined();
});

test('an answer that has come while the process was busy counts, however long that was', async () => {
  // Without the proxy, which would be stuck as well.
  const direct = await open(server.url);
  await direct.em.fork().findOneOrFail(Gauge, 1);
  const found = direct.em.fork().findOneOrFail(Gauge, 1);
  // Whatever the look-up does first, sooner or later it waits for Redis when the process is stuck.
  for (let stalls = 0; stalls < 3; stalls++) {
    await new Promise(setImmediate);
    stall(STAGE_TIMEOUT_MS + 100);
  }
  expect(await found).toMatchObject({ value: 1 });
  await direct.close();
});

test('a look-up fails when Redis is gone for longer than `stageTimeout`, and says so', async () => {
  await proxy[Symbol.asyncDispose]();
  await expect(orm.em.fork().findOneOrFail(Gauge, 1)).rejects.toThrow(
    /^Redis at 127\.0\.0\.1:\d+ is not connected \(connect ECONNREFUSED .*\); nothing was staged\. Spillway keeps reconnecting/u,
  );
});

test('a row that others follow is not deleted while nobody can say what is pending of them, whatever `onStagingDown` says', async () => {
  const em = orm.em.fork();
  const sensor = em.create(Sensor, { id: 1 });
  em.create(Reading, { id: 1, sensor });
  await em.flush();
  await Spillway.of(orm).drain();
  await proxy[Symbol.asyncDispose]();
  em.remove(sensor);
  await expect(em.flush()).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
  expect(await orm.em.getConnection().execute('select id from sensor')).toEqual([{ id: 1 }]);
});

function stall(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until);
}
