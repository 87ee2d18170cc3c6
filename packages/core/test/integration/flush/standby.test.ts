import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import {
  database,
  eventually,
  freshNamespace,
  postgres,
  sharedRedisUrl,
  type Database,
  type PrivatePostgres,
} from '@spillway/test-support';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayEvent } from '../../../src/index.js';

const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary(), text: p.string() } });
WriteBehind({ debounce: '1ms', maxDelay: '10ms' })(Note.class as never);

let server: PrivatePostgres;
let db: Database;
let orm: MikroORM;
let service: Spillway;

/** A worker is idle, and then the server is a hot standby. */
beforeEach(async () => {
  server = await postgres();
  db = await database({ url: server.url });
  const logger = { warn: () => undefined, error: () => undefined };
  const options = { redis: sharedRedisUrl(), namespace: freshNamespace(), shards: 1 };
  orm = await MikroORM.init({
    entities: [Note],
    clientUrl: db.url,
    extensions: [spillway({ ...options, logger, tables: { ensure: true } })],
  });
  service = Spillway.of(orm);
  await orm.schema.create();
  await service.start();
  await restartAs('standby');
});
afterEach(async () => {
  await orm.close(true);
  await server.stop();
});

async function stage(id: number): Promise<void> {
  const em = orm.em.fork();
  em.create(Note, { id, text: 'staged' });
  await em.flush();
}

/** PostgreSQL is a standby if a file says so when it starts. */
async function restartAs(what: 'standby' | 'primary'): Promise<void> {
  await server.kill9();
  const signal = path.join(path.dirname(server.log), 'data', 'standby.signal');
  if (what === 'standby') writeFileSync(signal, '');
  else rmSync(signal);
  await server.restart();
}

async function ids(): Promise<readonly number[]> {
  const client = new pg.Client({ connectionString: db.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: number }>('select id from note order by id');
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

test('a hot standby, which refuses a transaction that writes, is down, and nothing is dead when it is a primary', async () => {
  const events: SpillwayEvent[] = [];
  service.events$.subscribe((event) => void events.push(event));
  await stage(1);
  await eventually(() => events.some(({ type }) => type === 'sink-down'), { what: 'sink-down' });
  const tries = events.filter((event) => event.type === 'retry');
  expect(events).toContainEqual(expect.objectContaining({ type: 'sink-down', state: 'read-only' }));
  expect(new Set(tries.map(({ reason }) => reason))).toEqual(new Set(['sink-down']));
  expect(await service.health()).toMatchObject({ status: 'down', states: ['database-read-only'] });
  await stage(2);
  await restartAs('primary');
  await eventually(async () => expect(await ids()).toEqual([1, 2]), { timeoutMs: 30_000 });
  expect((await service.status()).dead).toBe(0);
  await eventually(async () => expect(await service.health()).toMatchObject({ status: 'up' }));
});

test('a drain on it fails, and says that it takes no writes', async () => {
  await stage(1);
  await expect(service.drain({ timeout: '1s' })).rejects.toMatchObject({
    code: 'DRAIN_TIMEOUT',
    message: expect.stringContaining('PostgreSQL takes no writes'),
  });
  await restartAs('primary');
  await service.drain({ until: 'written' });
  expect(await ids()).toEqual([1]);
});
