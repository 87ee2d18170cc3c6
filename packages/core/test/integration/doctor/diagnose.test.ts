import { cluster, database, freshNamespace, redis, type Database } from '@spillway/test-support';
import { MikroORM } from '@mikro-orm/postgresql';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Finding, Spillway, spillway, type SpillwayOptions } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Gauge, GAUGE_TABLE } from '../life/gauge.js';
import { runSql } from '../life/sql.js';

let db: Database;
beforeEach(async () => {
  db = await database();
  await runSql(db.url, GAUGE_TABLE);
});
afterEach(async () => db.drop());

async function open(options: Partial<SpillwayOptions>): Promise<MikroORM> {
  const given = { namespace: freshNamespace(), shards: 8, tables: { ensure: true }, worker: false, ...options };
  return MikroORM.init({ entities: [Gauge], clientUrl: db.url, extensions: [spillway(given)] });
}

async function stageOne(orm: MikroORM): Promise<void> {
  const em = orm.em.fork();
  em.create(Gauge, { id: 1, value: 1 });
  await em.flush();
}

const bad = (findings: readonly Finding[]): readonly Finding[] => findings.filter(({ level }) => level !== 'ok');
const messages = (findings: readonly Finding[], check: string): readonly string[] =>
  findings.filter((finding) => finding.check === check).map(({ message }) => message);

test('diagnose() asks each primary of a Redis Cluster', async () => {
  await using servers = await cluster(3);
  await using orm = await open({ redis: servers.target });
  await Spillway.of(orm).start();
  const findings = await Spillway.of(orm).diagnose();
  expect(bad(findings)).toEqual([]);
  expect(messages(findings, 'redis').length).toBeGreaterThan(1);
  expect(messages(findings, 'redis').every((message) => message.includes('(cluster) answers.'))).toBe(true);
});

test('diagnose() asks each of several servers, and names the one that is away', async () => {
  const [one, two] = await Promise.all([redis(), redis()]);
  await using orm = await open({ redis: { nodes: [one.url, two.url] } });
  await Spillway.of(orm).start();
  expect(bad(await Spillway.of(orm).diagnose())).toEqual([]);
  await two.stop();
  const findings = bad(await Spillway.of(orm).diagnose());
  expect(messages(findings, 'redis')).toEqual([expect.stringContaining(`127.0.0.1:${two.port} cannot be reached`)]);
  expect(findings.every(({ level, remedy }) => level !== 'problem' || remedy !== undefined)).toBe(true);
  await one.stop();
});

test('diagnose() of a store of the application asks no Redis', async () => {
  await using orm = await open({ staging: memoryStaging({ shards: 8 }) });
  await stageOne(orm);
  const findings = await Spillway.of(orm).diagnose();
  expect(messages(findings, 'redis')).toEqual([]);
  expect(messages(findings, 'chain')).toEqual(['Redis and PostgreSQL know the same last batch of each shard.']);
});

test('diagnose() changes nothing in Redis, starts no worker, and makes no tables', async () => {
  await using server = await redis();
  await using orm = await open({ redis: server.url, worker: true });
  const client = new Redis(server.url);
  await Spillway.of(orm).diagnose();
  expect(await client.keys('*')).toEqual([]);
  const tables = `select count(*)::int as count from pg_class where relname like 'spillway%'`;
  expect(await runSql(db.url, tables)).toEqual([{ count: 0 }]);

  await using writer = await open({ redis: server.url, namespace: 'quiet' });
  await stageOne(writer);
  await using reader = await open({ redis: server.url, namespace: 'quiet', worker: true });
  await Spillway.of(reader).diagnose();
  expect(await Spillway.of(writer).status()).toMatchObject({ pending: { Gauge: 1 }, inFlight: 0 });
  await client.quit();
});
