import { describe, expect, it } from 'vitest';
import { type Board, emptyBoard, type ShardState, withShards } from '../../../src/flush/board.js';
import { FLUSH_DEFAULTS } from '../../../src/flush/flush-settings.js';
import { planFlights } from '../../../src/flush/planner.js';
import { rendezvousOrder } from '../../../src/flush/rendezvous.js';

const settings = { ...FLUSH_DEFAULTS, batchSize: 100, concurrency: 2, ahead: 0, lingerMs: 20, overdueMs: 1_000 };
const now = 10_000;

/** A worker's board of eight shards, looked at in the order 0 to 7. */
function board(shards: Readonly<Record<number, Partial<ShardState>>>, change: Partial<Board> = {}): Board {
  const empty: Board = { ...emptyBoard([0, 1, 2, 3, 4, 5, 6, 7], settings.pollMs), mode: 'worker', ...change };
  return withShards(empty, Object.keys(shards).map(Number), (state, shard) => ({ ...state, ...shards[shard] }));
}

function shardsOf(plan: {
  readonly flights: readonly { readonly shards: readonly number[] }[];
}): readonly (readonly number[])[] {
  return plan.flights.map(({ shards }) => shards);
}

const ripe = { dueMs: now - settings.lingerMs };

describe('the planner', () => {
  it('puts thin traffic over many shards into one transaction', () => {
    const plan = planFlights(board({ 1: ripe, 2: ripe, 5: ripe, 7: ripe }), now, settings);
    expect(plan.flights).toEqual([{ shards: [1, 2, 5, 7], limit: 50 }]);
  });

  it('gives a shard that fills a batch a transaction of its own, with the whole batch', () => {
    const full = { ...ripe, expected: 100 };
    expect(planFlights(board({ 1: full, 2: full, 3: full }), now, settings).flights).toEqual([
      { shards: [1], limit: 100 },
      { shards: [2], limit: 100 },
    ]);
  });

  it('waits a little for others while a transaction is not full, and wakes up for that', () => {
    const plan = planFlights(board({ 1: { dueMs: now - 5 }, 2: { dueMs: now } }), now, settings);
    expect(plan).toEqual({ flights: [], alarmMs: now + 15 });
  });

  it('waits for nobody when a transaction is full or a drain wants it', () => {
    expect(shardsOf(planFlights(board({ 1: { dueMs: now, expected: 100 } }), now, settings))).toEqual([[1]]);
    expect(
      shardsOf(planFlights(board({ 1: { dueMs: now, demanded: true }, 2: { dueMs: now } }), now, settings)),
    ).toEqual([[1, 2]]);
  });

  it('lets what a drain wants go together while it is a few batches, and says so', () => {
    const wanted = { dueMs: now, demanded: true, expected: 40 };
    const all = Object.fromEntries([...Array(8).keys()].map((shard) => [shard, wanted]));
    expect(planFlights(board(all), now, settings).flights).toEqual([
      { shards: [0, 1, 2, 3, 4, 5, 6, 7], limit: 50, isOfDrain: true },
    ]);
    expect(planFlights(board({ ...all, 7: { ...wanted, expected: 400 } }), now, settings).flights).toEqual([
      { shards: [0, 1, 2], limit: 100, isOfDrain: true },
      { shards: [3, 4, 5], limit: 100, isOfDrain: true },
    ]);
    expect(planFlights(board({ 1: wanted }), now, settings).flights).toEqual([
      { shards: [1], limit: 100, isOfDrain: true },
    ]);
  });

  it('takes what a drain wants and what is overdue first, the longest due before all', () => {
    const full = { expected: 100 };
    const plan = planFlights(
      board({ 0: { ...ripe, ...full }, 4: { ...full, dueMs: now - 1_500 }, 6: { ...full, dueMs: now - 3_000 } }),
      now,
      settings,
    );
    expect(shardsOf(plan)).toEqual([[6], [4]]);
  });

  it('leaves alone what runs, backs off or is not due, and wakes up when the first of these is over', () => {
    const plan = planFlights(
      board({
        1: { ...ripe, running: true },
        2: { ...ripe, backOff: { kind: 'waiting', failures: 1, untilMs: now + 300 } },
        3: { dueMs: now + 200 },
      }),
      now,
      settings,
    );
    expect(plan).toEqual({ flights: [], alarmMs: now + 200 });
  });

  it('keeps a shard that has failed out of the transactions of others', () => {
    expect(shardsOf(planFlights(board({ 1: ripe, 2: { ...ripe, alone: true }, 3: ripe }), now, settings))).toEqual([
      [1, 3],
      [2],
    ]);
  });

  it('runs no more flushes at once than it may', () => {
    const full = { ...ripe, expected: 100 };
    expect(shardsOf(planFlights(board({ 1: full, 2: full }, { running: 1 }), now, settings))).toEqual([[1]]);
    expect(planFlights(board({ 1: full }, { running: 2 }), now, settings).flights).toEqual([]);
  });

  it('begins flushes ahead of the connections only if they are full, and none while the database is on trial', () => {
    const full = { ...ripe, expected: 100 };
    const early = { ...settings, ahead: 2 };
    const all = { 1: full, 2: full, 3: full, 4: full, 5: full };
    expect(shardsOf(planFlights(board(all), now, early))).toEqual([[1], [2], [3], [4]]);
    expect(shardsOf(planFlights(board(all, { running: 3 }), now, early))).toEqual([[1]]);
    expect(shardsOf(planFlights(board(all, { running: 4 }), now, early))).toEqual([]);
    expect(shardsOf(planFlights(board({ 1: ripe, 2: ripe }, { running: 2 }), now, early))).toEqual([]);
    expect(shardsOf(planFlights(board({ 1: { ...full, alone: true } }, { running: 2 }), now, early))).toEqual([]);
    const trial = { breaker: { kind: 'half-open' as const, trials: 0 } };
    expect(shardsOf(planFlights(board(all, trial), now, { ...early, concurrency: 1 }))).toEqual([[1]]);
  });

  it('begins nothing ahead of a shard that has failed and waits for a connection', () => {
    const full = { ...ripe, expected: 100 };
    const early = { ...settings, ahead: 2 };
    let state = board({ 1: full, 2: full, 3: full, 4: full, 5: full });
    const flying: (readonly number[])[] = [];
    const begun = new Set<number>();
    const begin = (): void => {
      for (const shards of shardsOf(planFlights(state, now, early))) {
        flying.push(shards);
        for (const shard of shards) begun.add(shard);
        state = { ...withShards(state, shards, (of) => ({ ...of, running: true })), running: state.running + 1 };
      }
    };
    begin();
    state = withShards(state, [0], (of) => ({ ...of, alone: true, demanded: true, dueMs: now - 60_000 }));
    // Each of the other shards has a full batch again as soon as its flush has landed.
    for (let landings = 0; landings < 100 && !begun.has(0); landings += 1) {
      const landed = flying.shift() ?? [];
      state = { ...withShards(state, landed, (of) => ({ ...of, running: false })), running: state.running - 1 };
      begin();
    }
    expect(begun).toContain(0);
  });

  it('holds everything back while the breaker is open, and wakes up for one trial', () => {
    const open = { breaker: { kind: 'open' as const, untilMs: now + 700, trials: 0 } };
    expect(planFlights(board({ 1: ripe, 2: ripe }, open), now, settings)).toEqual({ flights: [], alarmMs: now + 700 });
    const full = { ...ripe, expected: 100 };
    expect(shardsOf(planFlights(board({ 1: full, 2: full }, open), now + 700, settings))).toEqual([[1]]);
  });

  it('begins nothing once the pipeline stops', () => {
    expect(planFlights(board({ 1: ripe }, { mode: 'stopping' }), now, settings)).toEqual({
      flights: [],
      alarmMs: undefined,
    });
  });
});

describe('the order in which workers look at shards', () => {
  it('is every shard once, always the same for a worker, and another for another', () => {
    const order = rendezvousOrder('worker-a', 64);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, shard) => shard));
    expect(rendezvousOrder('worker-a', 64)).toEqual(order);
    expect(rendezvousOrder('worker-b', 64)).not.toEqual(order);
  });

  it('lets workers begin in different places', () => {
    const firsts = Array.from({ length: 16 }, (_, worker) => rendezvousOrder(`worker-${worker}`, 64).slice(0, 4));
    expect(new Set(firsts.flat()).size).toBeGreaterThan(30);
  });
});
