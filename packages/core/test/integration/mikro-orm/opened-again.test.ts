import { defineEntity, type InferEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, redis, sharedRedisUrl, type Database } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { runSql } from '../life/sql.js';

/** Numbered by the database. */
const Ticket = defineEntity({
  name: 'Ticket',
  tableName: 'reopened_ticket',
  properties: { id: p.integer().primary().autoincrement(), name: p.string(), version: p.integer().version() },
});
WriteBehind<InferEntity<typeof Ticket>>({ debounce: '10ms', maxDelay: '50ms', cache: { ttl: '5m' } })(Ticket.class);
const LONG = { debounce: '1h', maxDelay: '1h' } as const;

let db: Database;
let namespace: string;
const orms: MikroORM[] = [];
beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
});
afterEach(async () => {
  await Promise.all(orms.splice(0).map((orm) => orm.close()));
  await db.drop();
});

/** Closed after the test. The first one of a test makes the table. */
async function open(options: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
  const place = 'staging' in options ? {} : { redis: sharedRedisUrl() };
  const orm = await MikroORM.init({
    entities: [Ticket],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [spillway({ ...place, namespace, shards: 4, tables: { ensure: true }, ...options })],
  });
  if (orms.length === 0) await orm.schema.create();
  orms.push(orm);
  return orm;
}

async function add(of: MikroORM, name: string): Promise<number> {
  const em = of.em.fork();
  const ticket = em.create(Ticket, { name });
  await em.flush();
  return ticket.id;
}

async function names(): Promise<unknown[]> {
  const rows = await runSql(db.url, 'select name from reopened_ticket order by name');
  return rows.map((row) => Reflect.get(row, 'name') as unknown);
}

describe('an ORM that was closed and is connected again', () => {
  test('stages, reads, writes and is healthy as before, however often', async () => {
    const own = await open();
    for (const round of ['1', '2', '3', '4']) {
      const id = await add(own, `before ${round}`);
      await own.close();
      expect(await names()).toContain(`before ${round}`);
      await own.connect();
      expect((await own.em.fork().findOneOrFail(Ticket, id)).name).toBe(`before ${round}`);
      const em = own.em.fork();
      (await em.findOneOrFail(Ticket, id)).name = `after ${round}`;
      await em.flush();
      await Spillway.of(own).drain();
      expect(await names()).toContain(`after ${round}`);
      expect(await Spillway.of(own).health()).toMatchObject({ status: 'up', states: [] });
    }
    expect(await names()).toHaveLength(4);
  });

  test('hears once of each dead letter that is dropped, however often it was opened', async () => {
    const store = memoryStaging({ shards: 4 });
    let listeners = 0;
    const { deadLetters } = store;
    const onDropped = deadLetters.onDropped.bind(deadLetters);
    deadLetters.onDropped = (listener) => {
      const stop = onDropped(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        stop();
      };
    };
    const own = await open({ staging: store });
    for (const round of ['1', '2', '3']) {
      await add(own, round);
      expect(listeners).toBe(1);
      await own.close();
      expect(listeners).toBe(0);
      await own.connect();
    }
  });

  test('is stopped in between, and says how to go on', async () => {
    const own = await open({ worker: false });
    await add(own, 'one');
    await own.close();
    await expect(add(own, 'two')).rejects.toThrow(
      'Spillway has been stopped. What is staged stays staged; call orm.connect() to go on [STOPPED]',
    );
    await expect(Spillway.of(own).start()).rejects.toMatchObject({ code: 'STOPPED' });
    expect(await Spillway.of(own).health()).toMatchObject({ status: 'down' });
    await own.connect();
    await add(own, 'two');
    await Spillway.of(own).drain();
    expect(await names()).toEqual(['one', 'two']);
  });

  test.each(['orm.connect()', 'orm.reconnect()'] as const)('goes on after stop() too, by %s', async (way) => {
    const own = await open();
    await Spillway.of(own).start();
    await Spillway.of(own).stop();
    await expect(add(own, 'early')).rejects.toMatchObject({ code: 'STOPPED' });
    await (way === 'orm.connect()' ? own.connect() : own.reconnect());
    await add(own, 'late');
    await Spillway.of(own).drain();
    expect(await names()).toEqual(['late']);
  });

  test('has lost nothing that was pending when it was closed', async () => {
    const own = await open({ worker: false, defaults: LONG });
    const id = await add(own, 'pending');
    await own.close();
    expect(await names()).toEqual([]);
    await own.connect();
    expect((await own.em.fork().findOneOrFail(Ticket, id)).name).toBe('pending');
    expect((await Spillway.of(own).status()).pending).toEqual({ Ticket: 1 });
    await Spillway.of(own).drain();
    expect(await names()).toEqual(['pending']);
  });

  test('writes what it could not write before, by itself, if its worker ran', async () => {
    const own = await open();
    await Spillway.of(own).start();
    await runSql(db.url, 'alter table reopened_ticket rename column name to away');
    await add(own, 'delayed');
    expect(await Spillway.of(own).stop({ timeout: '1s' })).toEqual({ left: 1 });
    await own.close();
    await runSql(db.url, 'alter table reopened_ticket rename column away to name');
    await own.connect();
    await eventually(async () => expect(await names()).toEqual(['delayed']));
  });

  test('takes its time again for the next end, whatever it was told for the last one', async () => {
    const own = await open({ defaults: LONG });
    Spillway.of(own).stopWithin('1ms');
    await own.close();
    await own.connect();
    await add(own, 'in time');
    await own.close();
    expect(await names()).toEqual(['in time']);
  });

  test('waits for the end that is under way', async () => {
    const own = await open({ defaults: LONG });
    await add(own, 'one');
    const closing = own.close();
    await Promise.all([own.connect(), closing]);
    expect(await names()).toEqual(['one']);
    await own.connect();
    await add(own, 'two');
    await own.close();
    expect(await names()).toEqual(['one', 'two']);
  });

  test('writes what an entity manager has kept over the end', async () => {
    const own = await open();
    const em = own.em.fork();
    const ticket = em.create(Ticket, { name: 'kept' });
    await em.flush();
    ticket.name = 'changed';
    await own.close();
    await expect(em.flush()).rejects.toMatchObject({ code: 'STOPPED' });
    await own.connect();
    await em.flush();
    await Spillway.of(own).written(ticket);
    expect(await names()).toEqual(['changed']);
  });

  test('numbers its rows by what the sequence says then', async () => {
    const own = await open();
    await add(own, 'first');
    await own.close();
    await runSql(db.url, 'truncate reopened_ticket; alter sequence reopened_ticket_id_seq restart with 5000');
    await own.connect();
    expect(await add(own, 'anew')).toBe(5000);
  });

  test('knows what other releases have done since', async () => {
    const own = await open({ enabled: false, leaveAfter: 0 });
    expect(await own.em.fork().find(Ticket, {})).toEqual([]);
    await own.close();
    const id = await add(await open({ worker: false, defaults: LONG }), 'theirs');
    await own.connect();
    expect((await own.em.fork().findOneOrFail(Ticket, id)).name).toBe('theirs');
  });

  test('duplicates a client that it was given again, and leaves that alone', async () => {
    await using server = await redis();
    const client = new Redis(server.url);
    const own = await open({ redis: client });
    for (const name of ['1', '2', '3']) {
      await add(own, name);
      await own.close();
      expect(await client.ping()).toBe('PONG');
      await own.connect();
    }
    await own.close();
    expect(await names()).toEqual(['1', '2', '3']);
    const clients = async (): Promise<number> =>
      String(await client.client('LIST'))
        .trim()
        .split('\n').length;
    await eventually(async () => expect(await clients()).toBe(1));
    client.disconnect();
  });

  test('stages in the store that it was given, and in another one of the function that it was given', async () => {
    const store = memoryStaging({ shards: 4 });
    const own = await open({ staging: store, worker: false });
    await add(own, 'kept in memory');
    await own.close();
    await own.connect();
    expect((await Spillway.of(own).status()).pending).toEqual({ Ticket: 1 });
    await Spillway.of(own).drain();
    await own.close();
    let made = 0;
    const making = async () => {
      made += 1;
      return memoryStaging({ shards: 4 });
    };
    namespace = freshNamespace();
    const other = await open({ staging: making });
    await add(other, 'written at the end');
    await other.close();
    await other.connect();
    await add(other, 'written at the next end');
    await other.close();
    expect(made).toBe(2);
    expect(await names()).toEqual(['kept in memory', 'written at the end', 'written at the next end']);
  });

  test('is opened as soon as it can be, if Redis is away then', async () => {
    await using server = await redis();
    const warnings: string[] = [];
    const logger = { warn: (text: string) => void warnings.push(text), error: () => undefined };
    const own = await open({ redis: server.url, logger });
    await Spillway.of(own).start();
    await runSql(db.url, 'alter table reopened_ticket rename column name to away');
    await add(own, 'delayed');
    await Spillway.of(own).stop({ timeout: '1s' });
    await own.close();
    await runSql(db.url, 'alter table reopened_ticket rename column away to name');
    await server.kill9();
    await own.connect();
    await eventually(() => expect(warnings.join()).toContain('Spillway cannot be opened yet'));
    await server.restart();
    await eventually(async () => expect(await names()).toEqual(['delayed']));
  });
});

describe('an ORM that is connected anew', () => {
  test('goes on writing by itself, if its worker ran', async () => {
    const own = await open();
    await Spillway.of(own).start();
    await own.reconnect();
    await add(await open({ worker: false }), 'by another process');
    await eventually(async () => expect(await names()).toEqual(['by another process']));
  });
});
