import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/staging/flush-side.js';
import type { SpillwayEvent } from '../../../src/events.js';
import { flushPipeline } from '../../../src/flush/flush-pipeline.js';
import type { FlushReport, ShardResult } from '../../../src/flush/flush-report.js';
import { FLUSH_DEFAULTS } from '../../../src/flush/flush-settings.js';
import type { ShardWait } from '../../../src/staging/look-side.js';
import type { Signal } from '../../../src/flush/take-turn.js';
import { VirtualTime } from './virtual-time.js';

const FLUSH_MS = 10;

/** A pipeline in virtual time. A flush takes 10 ms; the test says when shards are due and what becomes of them. */
class Bench {
  readonly time = new VirtualTime();
  readonly signals = new Subject<Signal>();
  readonly flights: { readonly atMs: number; readonly shards: readonly number[] }[] = [];
  readonly looks: number[] = [];
  readonly events: SpillwayEvent[] = [];
  /** Shard -> the time at which it is due, by the store's clock, which here is the test's. */
  readonly dueAt = new Map<number, number>();
  result: (shard: number, together: readonly number[]) => ShardResult = () => ({ kind: 'nothing' });
  lookError: Error | undefined;
  /** Shards whose server does not answer -> its error. */
  readonly away = new Map<number, Error>();
  lookTakesMs = 0;
  isOver = false;

  constructor(shards = 8) {
    flushPipeline(this.signals, {
      settings: FLUSH_DEFAULTS,
      random: () => 1,
      order: Array.from({ length: shards }, (_, shard) => shard),
      scheduler: this.time.scheduler,
      flush: async (flight) => this.#flush(flight.shards),
      look: async () => this.#look(shards),
    }).subscribe({
      next: ({ events }) => this.events.push(...events),
      complete: () => {
        this.isOver = true;
      },
    });
  }

  stage(shard: number, inMs: number): void {
    this.dueAt.set(shard, this.time.now + inMs);
  }

  async #flush(shards: readonly number[]): Promise<FlushReport> {
    this.flights.push({ atMs: this.time.now, shards });
    await this.time.wait(FLUSH_MS);
    const report = new Map(shards.map((shard) => [shard, this.result(shard, shards)]));
    for (const [shard, { kind }] of report) {
      if (kind !== 'failed' && kind !== 'busy') {
        this.dueAt.delete(shard);
      }
    }
    return report;
  }

  async #look(shards: number): Promise<readonly ShardWait[]> {
    this.looks.push(this.time.now);
    if (this.lookTakesMs > 0) {
      await this.time.wait(this.lookTakesMs);
    }
    if (this.lookError !== undefined) {
      throw this.lookError;
    }
    return Array.from({ length: shards }, (_, shard) => {
      const why = this.away.get(shard);
      if (why !== undefined) return why;
      const atMs = this.dueAt.get(shard);
      return atMs === undefined ? undefined : Math.max(0, atMs - this.time.now);
    });
  }
}

function failing(code: string): ShardResult {
  const kinds: Readonly<Record<string, 'restart' | 'sink-down' | 'fault'>> = {
    '40P01': 'restart',
    ECONNREFUSED: 'sink-down',
  };
  return { kind: 'failed', failure: { kind: kinds[code] ?? 'fault', error: new Error(code) } };
}

function written(more: boolean): ShardResult {
  const batch: Batch = {
    shard: 1,
    token: 't',
    predecessor: '',
    attempts: 1,
    claimedAtMs: 1_000_000_000,
    records: new Map(),
    unreadable: new Map(),
  };
  return { kind: 'done', batch, outcomes: new Map(), more, ours: true, databaseForgot: false };
}

describe('the flush pipeline', () => {
  it('does nothing at all before it is told to', async () => {
    const bench = new Bench();
    bench.stage(1, 0);
    bench.signals.next({ kind: 'wake', shards: [1] });
    await bench.time.advance(60_000);
    expect(bench.flights).toEqual([]);
    expect(bench.looks).toEqual([]);
  });

  it('flushes a shard when it is due, having waited a little for others', async () => {
    const bench = new Bench();
    bench.signals.next({ kind: 'start' });
    bench.stage(1, 100);
    bench.stage(2, 110);
    bench.signals.next({ kind: 'wake', shards: [1, 2] });
    await bench.time.advance(300);
    expect(bench.flights).toEqual([{ atMs: 100 + FLUSH_DEFAULTS.lingerMs, shards: [1, 2] }]);
  });

  it('looks again at once when this process has staged something new, but not for what it knows is due', async () => {
    const bench = new Bench();
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(10_000);
    const before = bench.looks.length;
    const atMs = bench.time.now;
    bench.stage(3, 1_000);
    bench.signals.next({ kind: 'wake', shards: [3] });
    await bench.time.advance(1);
    bench.signals.next({ kind: 'wake', shards: [3] });
    await bench.time.advance(1);
    expect(bench.looks.slice(before)).toEqual([atMs]);
  });

  it('finds what other processes have staged: soon while something is pending, seldom when nothing is', async () => {
    const bench = new Bench();
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(20_000);
    expect(bench.looks.length).toBeLessThan(30);
    const gap = (bench.looks.at(-1) ?? 0) - (bench.looks.at(-2) ?? 0);
    expect(gap).toBe(FLUSH_DEFAULTS.idlePollMs);

    bench.stage(5, 2_000);
    await bench.time.advance(1_000);
    const busy = bench.looks.length;
    await bench.time.advance(500);
    expect(bench.looks.length - busy).toBe(500 / FLUSH_DEFAULTS.pollMs);
    await bench.time.advance(1_000);
    expect(bench.flights).toHaveLength(1);
  });

  it('flushes a full shard again and again without looking', async () => {
    const bench = new Bench();
    bench.result = () => written(bench.flights.length < 5);
    bench.stage(1, 0);
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(300);
    expect(bench.flights.map(({ atMs }) => atMs)).toEqual([25, 35, 45, 55, 65]);
  });

  it('never runs two flushes of one shard at a time', async () => {
    const bench = new Bench();
    bench.signals.next({ kind: 'demand', shards: [1], fresh: true });
    await bench.time.advance(5);
    bench.signals.next({ kind: 'demand', shards: [1, 2], fresh: true });
    await bench.time.advance(100);
    expect(bench.flights).toEqual([
      { atMs: 0, shards: [1] },
      { atMs: 5, shards: [2] },
      { atMs: 10, shards: [1] },
    ]);
  });

  it('F16: takes a deadlocked transaction again soon, and tells', async () => {
    const bench = new Bench();
    bench.result = () => (bench.flights.length < 3 ? failing('40P01') : written(false));
    bench.signals.next({ kind: 'start' });
    bench.stage(1, 0);
    bench.signals.next({ kind: 'wake', shards: [1] });
    await bench.time.advance(1_000);
    expect(bench.flights).toHaveLength(3);
    expect(bench.events.filter(({ type }) => type === 'retry')).toHaveLength(2);
  });

  it('keeps on trying a shard that fails, ever more slowly, and the others are none the slower', async () => {
    const bench = new Bench();
    bench.result = (shard) => (shard === 1 ? failing('XX000') : written(false));
    bench.signals.next({ kind: 'start' });
    bench.stage(1, 0);
    bench.stage(2, 0);
    await bench.time.advance(20_000);
    expect(bench.flights[0]?.shards).toEqual([1, 2]);
    const tries = bench.flights.filter(({ shards }) => shards.includes(1)).map(({ atMs }) => atMs);
    expect(tries.length).toBeGreaterThan(5);
    expect(tries.length).toBeLessThan(12);

    bench.stage(2, 0);
    bench.signals.next({ kind: 'wake', shards: [2] });
    await bench.time.advance(100);
    expect(bench.flights.at(-1)?.shards).toEqual([2]);
  });

  it('does not let one shard that fails spoil the transactions of others', async () => {
    const bench = new Bench();
    bench.result = (_, together) => (together.includes(1) ? failing('XX000') : written(false));
    bench.stage(1, 0);
    bench.stage(2, 0);
    bench.stage(3, 0);
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(2_000);
    expect([...bench.dueAt.keys()]).toEqual([1]);
  });

  it('F17: stays away from a dead database for longer and longer, and is back within seconds of it', async () => {
    const bench = new Bench();
    bench.result = () => failing('ECONNREFUSED');
    bench.signals.next({ kind: 'start' });
    for (let shard = 0; shard < 8; shard++) {
      bench.stage(shard, 0);
    }
    await bench.time.advance(30 * 60_000);
    expect(bench.events.filter(({ type }) => type === 'sink-down')).toHaveLength(1);
    // A trial every five seconds.
    expect(bench.flights.length).toBeLessThan(400);
    expect(bench.looks.length).toBeLessThan(1_000);

    bench.result = () => written(false);
    const before = bench.flights.length;
    await bench.time.advance(6_000);
    expect(bench.flights.length - before).toBeLessThanOrEqual(2);
    expect(bench.events.some(({ type }) => type === 'written')).toBe(true);
    expect(bench.events.filter(({ type }) => type === 'sink-up')).toHaveLength(1);
    expect(bench.dueAt.size).toBe(0);
  });

  it('F26: says that the staging store is silent, and that it is back', async () => {
    const bench = new Bench(2);
    bench.signals.next({ kind: 'start' });
    bench.lookError = new Error('no answer');
    await bench.time.advance(5_000);
    bench.lookError = undefined;
    await bench.time.advance(2_000);
    expect(bench.events).toEqual([
      { type: 'staging-down', shards: [0, 1], error: new Error('no answer') },
      { type: 'staging-up', shards: [0, 1] },
    ]);
  });

  it('F26: flushes the shards of the other servers while some do not answer, and says of each that it is silent', async () => {
    const bench = new Bench(4);
    const [one, two] = [new Error('one is away'), new Error('two is away')];
    bench.away.set(1, one).set(3, one).set(2, two);
    bench.signals.next({ kind: 'start' });
    bench.stage(0, 0);
    bench.stage(1, 0);
    await bench.time.advance(5_000);
    expect(bench.flights.flatMap(({ shards }) => shards)).toEqual([0]);
    bench.away.clear();
    await bench.time.advance(2_000);
    expect(bench.flights.flatMap(({ shards }) => shards)).toEqual([0, 1]);
    expect(bench.events).toEqual([
      { type: 'staging-down', shards: [1, 3], error: one },
      { type: 'staging-down', shards: [2], error: two },
      { type: 'staging-up', shards: [1, 2, 3] },
    ]);
  });

  it('F26: says once that the staging store is silent for a shard, however often it asks', async () => {
    const bench = new Bench(2);
    const silent: ShardResult = { kind: 'failed', failure: { kind: 'staging', error: new Error('no answer') } };
    bench.result = () => (bench.flights.length < 5 ? silent : { kind: 'nothing' });
    bench.stage(1, 0);
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(20_000);
    expect(bench.flights).toHaveLength(5);
    expect(bench.events.map(({ type }) => type).filter((type) => type !== 'retry')).toEqual([
      'staging-down',
      'staging-up',
    ]);
  });

  it('H16: flushes a shard whose acknowledgement failed until the store has heard of it, though it says that nothing is due', async () => {
    const unheard: ShardResult = {
      kind: 'failed',
      failure: { kind: 'staging', error: new Error('away') },
      mayBeCommitted: true,
    };
    for (const mode of ['drains', 'worker'] as const) {
      const bench = new Bench(2);
      const results: ShardResult[] = [unheard, failing('away'), { kind: 'busy' }, { kind: 'nothing' }];
      bench.result = () => results[bench.flights.length - 1] ?? { kind: 'nothing' };
      if (mode === 'worker') bench.signals.next({ kind: 'start' });
      bench.signals.next({ kind: 'demand', shards: [1], fresh: true });
      await bench.time.advance(60_000);
      expect(bench.flights.map(({ shards }) => shards)).toEqual([[1], [1], [1], [1]]);
    }
  });

  it('H16: flushes a shard that is said to be unsettled, though the store says that nothing is due', async () => {
    const bench = new Bench(2);
    bench.result = () => (bench.flights.length < 3 ? failing('away') : { kind: 'nothing' });
    bench.signals.next({ kind: 'unsettled', shards: [1] });
    await bench.time.advance(60_000);
    expect(bench.flights.map(({ shards }) => shards)).toEqual([[1], [1], [1]]);
  });

  it('asks again after a while when somebody else holds a shard', async () => {
    const bench = new Bench();
    bench.result = () => (bench.flights.length < 4 ? { kind: 'busy' } : written(false));
    bench.signals.next({ kind: 'demand', shards: [1], fresh: true });
    bench.signals.next({ kind: 'start' });
    bench.stage(1, 0);
    await bench.time.advance(1_000);
    expect(bench.flights).toHaveLength(4);
    expect(bench.dueAt.size).toBe(0);
  });

  it('takes a signal from within a turn as the next turn', async () => {
    const time = new VirtualTime();
    const signals = new Subject<Signal>();
    const flights: (readonly number[])[] = [];
    flushPipeline(signals, {
      settings: FLUSH_DEFAULTS,
      random: () => 1,
      order: [0, 1, 2],
      scheduler: time.scheduler,
      flush: async ({ shards }) => {
        flights.push(shards);
        return new Map(shards.map((shard) => [shard, { kind: 'nothing' }]));
      },
      look: async () => [],
    }).subscribe((turn) => {
      if (turn.flights[0]?.shards[0] === 1) {
        signals.next({ kind: 'demand', shards: [2], fresh: true });
      }
    });
    signals.next({ kind: 'demand', shards: [1], fresh: true });
    await time.advance(10);
    expect(flights).toEqual([[1], [2]]);
  });

  it('ends when it is stopped, though a look is never answered', async () => {
    const bench = new Bench();
    bench.lookTakesMs = 1_000_000;
    bench.signals.next({ kind: 'start' });
    await bench.time.advance(100);
    bench.signals.next({ kind: 'stop' });
    await bench.time.advance(1);
    expect(bench.isOver).toBe(true);
  });

  it('ends when it is stopped and its last flush has landed', async () => {
    const bench = new Bench();
    bench.signals.next({ kind: 'demand', shards: [1], fresh: true });
    await bench.time.advance(5);
    bench.signals.next({ kind: 'stop' });
    bench.signals.next({ kind: 'demand', shards: [2], fresh: true });
    await bench.time.advance(1);
    expect(bench.isOver).toBe(false);
    await bench.time.advance(10);
    expect(bench.isOver).toBe(true);
    expect(bench.flights).toHaveLength(1);
  });
});
