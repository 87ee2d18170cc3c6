import { eventually } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SpillwayEvent, SpillwayEvents } from '../../../src/events.js';
import { FlushWorker } from '../../../src/flush/worker.js';
import { rowOf, stageIncrements } from '../../unit/flush/counters.js';
import { FlushFixture, idOf, SHARDS } from './fixture.js';

const ALL = { kind: 'all' } as const;
const LONG = { debounceMs: 600_000, maxDelayMs: 600_000 };

let fixture: FlushFixture;
let events: SpillwayEvent[];

beforeEach(async () => {
  fixture = await FlushFixture.create();
  events = [];
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

function worker(workerId: string): FlushWorker {
  const listened = new SpillwayEvents();
  listened.events$.subscribe((event) => events.push(event));
  return new FlushWorker({ staging: fixture.staging, sink: fixture.openSink(), events: listened, workerId });
}

describe('workers on Redis and PostgreSQL', () => {
  it('write what is staged, with and without being told', async () => {
    await using flushing = worker('w1');
    flushing.start();
    const rows = [0, 1, 2, 3].map((shard) => rowOf(shard, 0, SHARDS));
    for (const [shard, row] of rows.entries()) {
      await stageIncrements(fixture.staging, shard, [row], { debounceMs: 20, maxDelayMs: 100 });
    }
    flushing.wake([0, 1]);
    await eventually(async () =>
      expect(await fixture.stock()).toEqual(Object.fromEntries(rows.map((row) => [idOf(row), 1]))),
    );
  });

  it('several on the same shards write every change once (F9)', async () => {
    const workers = ['w1', 'w2', 'w3'].map(worker);
    for (const each of workers) {
      each.start();
    }
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        [0, 1, 2, 3].map(async (shard) => {
          await stageIncrements(fixture.staging, shard, [rowOf(shard, round % 5, SHARDS)], {
            debounceMs: 5,
            maxDelayMs: 10,
          });
          workers[round % 3]?.wake([shard]);
        }),
      );
    }
    await Promise.all(workers.map((each) => each.stop()));
    const stock = await fixture.stock();
    expect(Object.values(stock).reduce((sum, each) => sum + each, 0)).toBe(rounds * SHARDS);
    expect((await fixture.staging.stats()).dead).toBe(0);
    expect((await fixture.staging.stats()).inFlight).toBe(0);
  });

  it('go on when every connection to the database is cut, again and again', async () => {
    const workers = ['w1', 'w2'].map(worker);
    for (const each of workers) {
      each.start();
    }
    for (let round = 0; round < 100; round++) {
      const shard = round % SHARDS;
      await stageIncrements(fixture.staging, shard, [rowOf(shard, 0, SHARDS)], { debounceMs: 1, maxDelayMs: 5 });
      if (round % 10 === 5) {
        await fixture.killConnections('spillway');
      }
    }
    await eventually(async () => expect((await fixture.staging.stats()).pending).toEqual({}), { timeoutMs: 30_000 });
    await Promise.all(workers.map((each) => each.stop()));
    expect(Object.values(await fixture.stock())).toEqual([25, 25, 25, 25]);
    expect((await fixture.staging.stats()).dead).toBe(0);
  });

  it('drain what is not due, in a process that has no worker', async () => {
    await using draining = worker('w1');
    const rows = [0, 1, 2, 3].map((shard) => rowOf(shard, 0, SHARDS));
    for (const [shard, row] of rows.entries()) {
      await stageIncrements(fixture.staging, shard, [row], LONG);
    }
    const [first] = rows;
    await draining.drain({ kind: 'rows', keys: rows.slice(0, 1) }, { timeoutMs: 10_000 });
    expect(await fixture.stock()).toEqual(first === undefined ? {} : { [idOf(first)]: 1 });
    expect(await draining.drain(ALL, { timeoutMs: 10_000 })).toEqual({ left: 0 });
    expect(Object.values(await fixture.stock())).toEqual([1, 1, 1, 1]);
    expect(events.filter(({ type }) => type === 'drained')).toHaveLength(2);
  });

  it('drain without waiting for a row that somebody has locked', async () => {
    await using draining = worker('w1');
    const [locked, free] = [rowOf(1, 0, SHARDS), rowOf(1, 1, SHARDS)];
    await stageIncrements(fixture.staging, 1, [locked, free], LONG);
    await fixture.sql.query('begin');
    await fixture.sql.query('select from product where id = $1 for update', [idOf(locked)]);
    expect(await draining.drain(ALL, { timeoutMs: 20_000 })).toEqual({ left: 1 });
    await fixture.sql.query('rollback');
    expect(await fixture.stock()).toEqual({ [idOf(free)]: 1 });
    await draining.drain(ALL, { timeoutMs: 20_000 });
    expect(await fixture.stock()).toEqual({ [idOf(locked)]: 1, [idOf(free)]: 1 });
  });

  it('drain a shard that another worker holds, once that one is gone', async () => {
    await using draining = worker('w1');
    const row = rowOf(1, 0, SHARDS);
    await stageIncrements(fixture.staging, 1, [row], LONG);
    const holder = await fixture.sink.begin([1]);
    const drained = draining.drain(ALL, { timeoutMs: 20_000 });
    await eventually(async () => {
      const { rows } = await fixture.sql.query<{ count: string }>(
        `select count(*) from pg_stat_activity where datname = current_database() and application_name = 'spillway'`,
      );
      expect(Number(rows[0]?.count)).toBeGreaterThan(1);
    });
    await holder[Symbol.asyncDispose]();
    expect(await drained).toEqual({ left: 0 });
    expect(await fixture.stock()).toEqual({ [idOf(row)]: 1 });
  });
});
