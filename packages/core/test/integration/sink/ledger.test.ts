import { afterAll, expect, test } from 'vitest';
import { CommitUnknown, SinkDown, SinkFailure, SinkRestart } from '../../../src/sink/sink-failure.js';
import { SpillwayError } from '../../../src/errors.js';
import { key, NOBODY, SinkFixture, table } from './fixture.js';

const products = table('product', { name: 'text' });
const fixture = await SinkFixture.create(
  'create table product (id int primary key, name text, version int); create schema apart',
  [products],
);
afterAll(() => fixture[Symbol.asyncDispose]());

let ids = 0;
const insertOf = (shard: number) => {
  ids += 1;
  return fixture.batch([[key('product', String(ids)), { kind: 'insert', version: '1' }]], shard);
};
const codeOf = (failing: Promise<unknown>) =>
  failing.then(
    () => 'none',
    (error: unknown) => (error instanceof SpillwayError ? error.code : String(error)),
  );

test('several processes may prepare at once, and again', async () => {
  const sinks = Array.from({ length: 6 }, () => fixture.open([products], { schema: 'made here' }));
  await Promise.all(sinks.map((sink) => sink.prepare(8, true)));
  await Promise.all(sinks.map((sink) => sink.prepare(8, false)));
  await Promise.all(sinks.map((sink) => sink.close()));
  expect(await fixture.rows('select count(*)::int as shards from "made here".spillway_shard')).toEqual([{ shards: 8 }]);
});

test('without tables, or without rows, the error says how to make them', async () => {
  const sink = fixture.open([products], { schema: 'apart' });
  await expect(sink.prepare(4, false)).rejects.toThrow(/docs\/operations\.md.*CONFIG_INVALID/);
  expect(await codeOf(sink.begin([0]))).toBe('CONFIG_INVALID');
  await sink.close();
  const stranger = fixture.open([products], { namespace: 'stranger' });
  await expect(stranger.prepare(4, false)).rejects.toThrow(/namespace "stranger".*CONFIG_INVALID/);
  await stranger.close();
});

test('another number of shards is refused, also where it might be made', async () => {
  expect(await codeOf(fixture.sink.prepare(8, true))).toBe('SHARD_MAP_MISMATCH');
  expect(await codeOf(fixture.sink.prepare(2, false))).toBe('SHARD_MAP_MISMATCH');
});

test('without a number of shards those are taken that the database has, and 16 for a new namespace', async () => {
  expect((await fixture.sink.prepare(undefined, true)).shards).toBe(4);
  const fresh = fixture.open([products], { namespace: 'fresh' });
  const made = await fresh.prepare(undefined, true);
  expect(made.shards).toBe(16);
  expect(await fresh.prepare(undefined, false)).toEqual(made);
  expect(await codeOf(fresh.prepare(64, true))).toBe('SHARD_MAP_MISMATCH');
  await fresh.close();
});

test('two flushes never hold one shard; the second gets those that are free', async () => {
  const first = await fixture.sink.begin([0, 1]);
  const second = await fixture.sink.begin([1, 2]);
  expect([...first.locked.keys()]).toEqual([0, 1]);
  expect([...second.locked.keys()]).toEqual([2]);
  await first[Symbol.asyncDispose]();
  await using third = await fixture.sink.begin([0, 1, 2]);
  expect([...third.locked.keys()]).toEqual([0, 1]);
  await second[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

test('what became of batches that were claimed before is read while the shards are held (R14)', async () => {
  const [written, unwritten, forgotten] = [insertOf(1), insertOf(1), insertOf(1)];
  await fixture.flush([forgotten]);
  await fixture.sql.query('delete from spillway_batch where token = $1', [forgotten.token]);
  await using knowing = await fixture.sink.begin([1], [forgotten.token]);
  expect(await knowing.outcomeOf(forgotten.token)).toEqual(new Map());
  await knowing[Symbol.asyncDispose]();
  await fixture.flush([written]);
  await using transaction = await fixture.sink.begin([1], [written.token, unwritten.token, "o'ther"]);
  await fixture.sql.query('delete from spillway_batch where token = $1', [written.token]);
  expect(await transaction.outcomeOf(written.token)).toEqual(new Map());
  expect(await transaction.outcomeOf(unwritten.token)).toBeUndefined();
});

test("M3: a shard without a row is an error, not somebody else's", async () => {
  await expect(fixture.sink.begin([1, 99])).rejects.toThrow(/no row for shard 99.*CONFIG_INVALID/);
  await using transaction = await fixture.sink.begin([1]);
  expect(transaction.locked.size).toBe(1);
});

test('an exclusive hold waits for the others, and sees what they have committed', async () => {
  const first = await fixture.sink.begin([3]);
  const waiting = fixture.sink.beginExclusive([3]);
  const batch = insertOf(3);
  await first.write([batch], NOBODY);
  await first.commit();
  await first[Symbol.asyncDispose]();
  await using second = await waiting;
  expect(second.locked.get(3)).toBe(batch.token);
});

test('an exclusive hold that takes too long gives way', async () => {
  const sink = fixture.open([products], { limits: { statementTimeoutMs: 100 } });
  await using _ = await fixture.sink.begin([3]);
  await expect(sink.beginExclusive([3])).rejects.toThrow(SinkRestart);
  await sink.close();
});

test('a batch that the ledger knows cannot be written again', async () => {
  const batch = insertOf(0);
  await fixture.flush([batch]);
  await expect(fixture.flush([{ ...batch, records: new Map() }])).rejects.toThrow(SinkRestart);
});

test('a ledger that cannot be written is a matter of configuration, not of trying again', async () => {
  await fixture.sql.query('alter table spillway_batch rename column outcome to renamed');
  expect(await codeOf(fixture.flush([insertOf(0)]))).toBe('CONFIG_INVALID');
  await fixture.sql.query('alter table spillway_batch rename column renamed to outcome');
});

test('a batch of a shard that the transaction does not hold is refused', async () => {
  await using transaction = await fixture.sink.begin([0]);
  await expect(transaction.write([insertOf(1)], NOBODY)).rejects.toThrow(/has not locked shard 1/);
});

test('one transaction may write twice, and a refusal in the second does not undo the first', async () => {
  await using transaction = await fixture.sink.begin([0, 1]);
  const [first, second] = [insertOf(0), fixture.batch([[key('product', 'x'), { kind: 'insert', version: '1' }]], 1)];
  await transaction.write([first], NOBODY);
  await transaction.write([second], NOBODY);
  await transaction.commit();
  expect(new Set((await fixture.sink.outcomes([first.token, second.token])).keys())).toHaveLength(2);
  expect(await fixture.rows(`select id from product where id = ${ids}`)).toHaveLength(1);
});

test('C3: COMMIT of a failed transaction, which PostgreSQL answers without an error, is not believed', async () => {
  for (const batches of [[], [{ ...insertOf(0), token: 'refused' }]]) {
    const transaction = await fixture.sink.begin([0]);
    await transaction.write(batches, NOBODY);
    await fixture.sql.query('alter table spillway_batch rename column outcome to renamed');
    await expect(transaction.outcomeOf('any')).rejects.toThrow(/CONFIG_INVALID/);
    await fixture.sql.query('alter table spillway_batch rename column renamed to outcome');
    await expect(transaction.commit()).rejects.toThrow(batches.length === 0 ? /ROLLBACK/ : SinkFailure);
    await transaction[Symbol.asyncDispose]();
  }
  expect(new Set((await fixture.sink.outcomes(['refused'])).keys())).toEqual(new Set());
});

test('a message that quotes values is in the ledger, and in no text of a statement that the server shows', async () => {
  const canary = 'canary-of-the-ledger';
  await fixture.sql.query(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception '%', new.name; end $$;
    create trigger refuse before insert on product for each row execute function refuse()`);
  ids += 1;
  const outcome = await fixture.one(key('product', String(ids)), {
    kind: 'insert',
    version: '1',
    values: { name: JSON.stringify(canary) },
    attempts: 4,
  });
  await fixture.sql.query('drop function refuse cascade');
  expect(outcome).toMatchObject({ kind: 'buried', message: expect.stringContaining(canary) as string });
  const ledger = await fixture.rows('select outcome::text from spillway_batch');
  expect(ledger.filter((row) => String(row['outcome']).includes(canary))).toHaveLength(1);
  const shown = await fixture.rows('select query from pg_stat_activity where datname = current_database()');
  expect(shown.length).toBeGreaterThan(1);
  expect(shown.filter(({ query }) => String(query).includes(canary))).toEqual([]);
});

test('a shard whose row is gone, though it was locked, commits nothing', async () => {
  const batch = insertOf(0);
  await fixture.sql.query(`create function keep() returns trigger language plpgsql as 'begin return null; end'`);
  await fixture.sql.query(
    'create trigger keep before update on spillway_shard for each row when (old.shard = 0) execute function keep()',
  );
  await expect(fixture.flush([batch, insertOf(1)])).rejects.toThrow(SinkRestart);
  await fixture.sql.query('drop function keep cascade');
  expect(await fixture.rows(`select id from product where id >= ${ids - 1}`)).toEqual([]);
  expect(new Set((await fixture.sink.outcomes([batch.token])).keys())).toEqual(new Set());
});

test('a connection that dies is noticed by the round trip, and leaves the outcome of a COMMIT unknown', async () => {
  for (const call of ['alive', 'commit'] as const) {
    const transaction = await fixture.sink.begin([0]);
    await fixture.sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'spillway' and state = 'idle in transaction'`,
    );
    await expect(transaction[call]()).rejects.toThrow(call === 'commit' ? CommitUnknown : SinkDown);
    await transaction[Symbol.asyncDispose]();
  }
  await using next = await fixture.sink.begin([0]);
  expect(next.locked.size).toBe(1);
});

test('a server that cannot be reached is down', async () => {
  const sink = fixture.open([products], { connection: { connectionString: 'postgres://nobody@127.0.0.1:1/none' } });
  await expect(sink.begin([0])).rejects.toThrow(SinkDown);
  await expect(sink.outcomes(['x'])).rejects.toThrow(SinkDown);
  await sink.close();
});

test('M8: pruning forgets what is old, but never the last batch of a shard', async () => {
  const [old, last] = [insertOf(2), insertOf(2)];
  await fixture.flush([old]);
  await fixture.flush([last]);
  await fixture.sql.query(`update spillway_batch set written_at = now() - interval '2 days' where shard = 2`);
  expect(await fixture.sink.prune(86_400_000, [])).toBeGreaterThan(0);
  expect(new Set((await fixture.sink.outcomes([old.token, last.token])).keys())).toEqual(new Set([last.token]));
  expect(await fixture.rows('select token from spillway_batch where shard = 2')).toEqual([{ token: last.token }]);
  await fixture.sql.query('delete from spillway_batch');
  await using transaction = await fixture.sink.begin([2]);
  expect(await transaction.outcomeOf(last.token)).toEqual(new Map());
  expect(new Set((await fixture.sink.outcomes([last.token])).keys())).toEqual(new Set([last.token]));
});

test('what releases tell each other is never pruned, however old', async () => {
  const { registry, copies } = fixture.sink;
  const product = { schema: 'public', table: 'product' };
  await registry.add(new Map([['Product', product]]));
  await copies.kept.add([product]);
  await copies.disbelieved.add([product]);
  await fixture.sql.query(`update spillway_batch set written_at = now() - interval '1 year'`);
  await fixture.sink.prune(7 * 86_400_000, []);
  expect(await registry.list()).toEqual(new Map([['Product', product]]));
  expect([await copies.kept.list(), await copies.disbelieved.list()]).toEqual([[product], [product]]);
});

test('applications with namespaces of their own share nothing but the tables', async () => {
  const other = fixture.open([products], { namespace: "o'ther" });
  await other.prepare(2, true);
  const batch = insertOf(0);
  await fixture.flush([batch]);
  await using transaction = await other.begin([0, 1]);
  expect(transaction.locked).toEqual(
    new Map([
      [0, 'origin'],
      [1, 'origin'],
    ]),
  );
  await transaction.write([{ ...batch, records: new Map() }], NOBODY);
  await transaction.commit();
  await transaction[Symbol.asyncDispose]();
  expect(new Set((await other.outcomes([batch.token])).keys())).toEqual(new Set([batch.token]));
  await other.close();
});

test('a flush is read committed, whatever the default of the database', async () => {
  await fixture.sql.query(
    `alter database ${new URL(fixture.url).pathname.slice(1)} set default_transaction_isolation to 'serializable'`,
  );
  const sink = fixture.open([products]);
  await fixture.sql.query(`insert into product values (1000, 'a', 1)`);
  {
    await using transaction = await sink.begin([0]);
    await fixture.sql.query('update product set version = 2 where id = 1000');
    const batch = fixture.batch([
      [key('product', '1000'), { kind: 'update', base: '1', version: '2', values: { name: '"b"' } }],
    ]);
    expect((await transaction.write([batch], NOBODY)).get(batch.token)?.get(key('product', '1000'))).toMatchObject({
      code: 'CONFLICT',
      version: '3',
    });
  }
  await sink.close();
});

test('closing twice is closing once', async () => {
  const sink = fixture.open([products]);
  await Promise.all([sink.close(), sink.close()]);
  await expect(sink.close()).resolves.toBeUndefined();
});
