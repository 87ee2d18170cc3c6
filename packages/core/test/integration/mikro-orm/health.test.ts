import { defineEntity, MikroORM, p, type EntitySchema } from '@mikro-orm/postgresql';
import {
  database,
  eventually,
  freshNamespace,
  postgres,
  redis,
  replicaOf,
  sharedRedisUrl,
  type PrivatePostgres,
  type PrivateRedis,
} from '@spillway/test-support';
import { Redis } from 'ioredis';
import { existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spillway, Spillway, type Health, type SpillwayOptions } from '../../../src/index.js';

const Note: EntitySchema<{ id: number; text: string }> = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary(), text: p.string() },
});

let server: PrivatePostgres;
beforeAll(async () => {
  server = await postgres();
});
afterAll(async () => server.stop());

/** An ORM that stages only, unless told otherwise. */
async function open(clientUrl: string, options: Partial<SpillwayOptions> = {}) {
  const orm = await MikroORM.init({
    entities: [Note],
    clientUrl,
    useBatchUpdates: false,
    pool: { min: 0 },
    logger: () => undefined,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 1,
        worker: false,
        stageTimeout: '500ms',
        tables: { ensure: true },
        policies: [[Note, { debounce: '1ms', maxDelay: '10ms', maxPending: 100 }]],
        ...options,
      }),
    ],
  });
  const health = async (): Promise<Health> => Spillway.of(orm).health();
  const stage = async (...ids: number[]): Promise<void> => {
    const em = orm.em.fork();
    for (const id of ids) em.create(Note, { id, text: 'new' });
    await em.flush();
  };
  return { orm, health, stage, [Symbol.asyncDispose]: async () => orm.close() };
}

async function sql(url: string, ...statements: string[]): Promise<pg.QueryResult<Record<string, string>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let answer: pg.QueryResult<Record<string, string>> | undefined;
    for (const statement of statements) answer = await client.query(statement);
    if (!answer) throw new Error('Nothing was asked');
    return answer;
  } finally {
    await client.end();
  }
}

const WELL = { status: 'up', states: [], problems: [] };
const down = (state: string, sentence: string) => ({
  status: 'down',
  states: [state],
  problems: [expect.stringContaining(sentence)],
});

describe('health of a process that has no worker', () => {
  test('is down as soon as PostgreSQL has stopped, also if that was never reached, and up when it is back', async () => {
    await using db = await database({ url: server.url });
    await using web = await open(db.url);
    expect(await web.health()).toMatchObject(WELL);
    await server.kill9();
    try {
      expect(await web.health()).toMatchObject(down('database-unreachable', 'PostgreSQL cannot be reached'));
      await using late = await open(db.url);
      expect(await late.health()).toMatchObject(down('database-unreachable', 'PostgreSQL cannot be reached'));
    } finally {
      await server.restart();
    }
    await eventually(async () => expect(await web.health()).toMatchObject(WELL));
  });

  test('tells a role that may not connect, and one that has no connection left, from a server that is away', async () => {
    await using db = await database({ url: server.url });
    await using owner = await open(db.url);
    await owner.health();
    await sql(db.url, 'create role visitor login', 'grant all on all tables in schema public to visitor');
    const url = new URL(db.url);
    url.username = 'visitor';
    const leave = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'visitor'`;
    const namespace = freshNamespace();
    await sql(db.url, `insert into spillway_shard (namespace, shard, last_token) values ('${namespace}', 0, 'origin')`);
    await using web = await open(url.href, { tables: { ensure: false }, namespace });
    expect(await web.health()).toMatchObject(WELL);
    await sql(db.url, 'alter role visitor nologin', leave);
    await eventually(async () =>
      expect(await web.health()).toMatchObject(down('database-refusing', 'PostgreSQL refuses the connection')),
    );
    await sql(db.url, 'alter role visitor login connection limit 0', leave);
    await eventually(async () =>
      expect(await web.health()).toMatchObject(
        down('database-too-many-connections', 'PostgreSQL has no connection left'),
      ),
    );
    await web.orm.close();
    await sql(db.url, 'drop owned by visitor', 'drop role visitor');
  });

  test('is down where the connection leads to a replica', async () => {
    await using db = await database({ url: server.url });
    const namespace = freshNamespace();
    await using primary = await open(db.url, { namespace });
    await primary.health();
    await using replica = await replicaOf(server);
    const url = new URL(db.url);
    url.port = String(replica.port);
    await using web = await open(url.href, { namespace });
    expect(await web.health()).toMatchObject(down('database-read-only', 'PostgreSQL takes no writes'));
    await using verifying = await open(url.href, { namespace, tables: { ensure: false } });
    expect(await verifying.health()).toMatchObject(down('database-read-only', 'PostgreSQL takes no writes'));
  });

  test('is down while as many rows are pending as may be', async () => {
    await using db = await database({ url: server.url });
    await using web = await open(db.url, { policies: [[Note, { maxPending: 2 }]] });
    await web.orm.schema.create();
    await web.stage(1, 2);
    await expect(web.stage(3)).rejects.toMatchObject({ code: 'STAGING_FULL' });
    expect(await web.health()).toMatchObject(down('queue-full', 'As many rows of Note are pending as maxPending'));
    await Spillway.of(web.orm).drain();
    expect(await web.health()).toMatchObject(WELL);
  });
});

describe('health, where Redis', () => {
  let store: PrivateRedis;
  let client: Redis;
  beforeAll(async () => {
    store = await redis();
    client = new Redis(store.url);
  });
  afterAll(async () => {
    client.disconnect();
    await store.stop();
  });

  test('is full, is down with that word, and up when there is room', async () => {
    await using db = await database({ url: server.url });
    await using web = await open(db.url, { redis: store.url });
    expect(await web.health()).toMatchObject(WELL);
    await client.config('SET', 'maxmemory', '1');
    await expect(web.stage(1)).rejects.toMatchObject({ code: 'STAGING_FULL' });
    expect(await web.health()).toMatchObject(down('staging-full', 'Redis is out of memory'));
    await client.config('SET', 'maxmemory', '0');
    expect(await web.health()).toMatchObject(WELL);
  });

  test('is a replica, is down with that word', async () => {
    await using db = await database({ url: server.url });
    await using web = await open(db.url, { redis: store.url });
    expect(await web.health()).toMatchObject(WELL);
    await client.call('REPLICAOF', '127.0.0.1', '1');
    expect(await web.health()).toMatchObject(down('staging-refusing', 'Redis takes no writes'));
    await client.call('REPLICAOF', 'NO', 'ONE');
    await eventually(async () => expect(await web.health()).toMatchObject(WELL));
  });

  test('does not answer, is down with that word', async () => {
    await using db = await database({ url: server.url });
    await using web = await open(db.url, { redis: store.url });
    expect(await web.health()).toMatchObject(WELL);
    store.pause();
    try {
      expect(await web.health()).toMatchObject({ status: 'down', states: ['staging-silent'] });
    } finally {
      store.resume();
    }
    await eventually(async () => expect(await web.health()).toMatchObject(WELL));
  });
});

describe('health of a process that writes', () => {
  test('names a table for which the disk is full; nothing becomes a dead letter', async () => {
    await using db = await database({ url: server.url });
    await using writing = await open(db.url, { worker: true });
    await writing.orm.schema.create();
    await writing.health();
    const path = await fileOf(db.url, 'note');
    renameSync(path, `${path}.away`);
    symlinkSync('/dev/full', path);
    await sql(db.url, OTHERS_LEAVE);
    try {
      await writing.stage(1);
      await eventually(async () =>
        expect(await writing.health()).toMatchObject(down('table-paused', 'SQLSTATE 53100: the disk is full')),
      );
    } finally {
      rmSync(path);
      renameSync(`${path}.away`, path);
      await sql(db.url, OTHERS_LEAVE);
    }
    await eventually(async () => expect(await writing.health()).toMatchObject({ ...WELL, pending: 0, dead: 0 }), {
      timeoutMs: 20_000,
    });
    expect((await sql(db.url, 'select id from note')).rows).toEqual([{ id: 1 }]);
  });

  test('names a full disk on which not even the ledger finds room; nothing becomes a dead letter', async () => {
    await using db = await database({ url: server.url });
    await using writing = await open(db.url, { worker: true });
    await writing.orm.schema.create();
    await writing.health();
    await sql(
      db.url,
      `create function full_disk() returns trigger language plpgsql as $$
       begin raise exception 'could not extend file' using errcode = '53100'; end $$;
       create trigger full_disk before insert on spillway_batch for each row execute function full_disk()`,
    );
    await writing.stage(1);
    await eventually(async () =>
      expect(await writing.health()).toMatchObject(down('database-disk-full', 'The disk of PostgreSQL is full')),
    );
    await sql(db.url, 'drop trigger full_disk on spillway_batch');
    await eventually(async () => expect(await writing.health()).toMatchObject({ ...WELL, pending: 0, dead: 0 }), {
      timeoutMs: 20_000,
    });
  });
});

/** So that nobody has the file open any more. */
const OTHERS_LEAVE = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`;

async function fileOf(url: string, table: string): Promise<string> {
  const { rows } = await sql(
    url,
    'checkpoint',
    `select pg_relation_filepath('${table}') as path, current_setting('data_directory') as folder`,
  );
  const path = join(rows[0]?.['folder'] ?? '', rows[0]?.['path'] ?? '');
  if (!existsSync(path)) throw new Error(`${path} is not there`);
  return path;
}
