import { describe, expect, test } from 'vitest';
import { SpillwayEvents } from '../../../src/events.js';
import { judgeHealth, unknownHealth, type HealthQuestion, type Trouble } from '../../../src/observability/health.js';
import { TroubleWatch } from '../../../src/observability/trouble-watch.js';

const WELL: Trouble = { isSinkDown: false, silentShards: new Set(), paused: [] };
const STATS = {
  pending: { Product: 3, Order: 1 },
  inFlight: 0,
  dead: 2,
  staged: 9,
  coalesced: 0,
  annihilated: 0,
  held: 0,
};

describe('health', () => {
  test('is up while changes wait no longer than they may, and dead letters alone change nothing', () => {
    expect(judge({ stats: { ...STATS, oldestMs: 500 } })).toEqual({
      status: 'up',
      problems: [],
      pending: 4,
      oldestMs: 500,
      dead: 2,
    });
  });

  test('is down when something is due and nobody writes it', () => {
    expect(judge({ stats: { ...STATS, oldestMs: 45_000 } })).toMatchObject({
      status: 'down',
      problems: ['Nothing is written though it is due: the oldest change has waited 45s. See whether a worker runs'],
    });
  });

  test('is up when the oldest change is old but waits for its next attempt', () =>
    expect(judge({ stats: { ...STATS, oldestMs: 45_000 }, isDue: false }).status).toBe('up'));

  test('is down when PostgreSQL cannot be reached', () =>
    expect(judge({ trouble: { ...WELL, isSinkDown: true } })).toMatchObject({
      status: 'down',
      problems: ['PostgreSQL cannot be reached. Changes are staged on'],
    }));

  test('is degraded when a part of Redis is silent, and down when all of it is', () => {
    expect(judge({ trouble: { ...WELL, silentShards: new Set([1]) } })).toMatchObject({
      status: 'degraded',
      problems: ['Redis does not answer for 1 of 4 shards'],
    });
    expect(judge({ trouble: { ...WELL, silentShards: new Set([0, 1, 2, 3]) } })).toMatchObject({
      status: 'down',
      problems: ['Redis does not answer'],
    });
  });

  test('that cannot be asked is down, and says why', () =>
    expect(unknownHealth(new Error('Redis is away'))).toEqual({ status: 'down', problems: ['Redis is away'] }));
});

describe('what is wrong at present', () => {
  test('begins and ends with the events that say so', () => {
    const { events, watch } = watched();
    events.emit({ type: 'sink-down', error: new Error('refused') });
    events.emit({ type: 'staging-down', shards: [1, 2], error: new Error('silent') });
    expect(watch.current).toEqual({ isSinkDown: true, silentShards: new Set([1, 2]), paused: [] });
    events.emit({ type: 'sink-up' });
    events.emit({ type: 'staging-up', shards: [1, 2] });
    expect(watch.current).toEqual(WELL);
  });

  test('keeps a pause for as long as it goes on being said', () => {
    const { events, watch, clock } = watched();
    const paused = { type: 'paused', cause: 'table', schema: 'public', table: 'product', code: '42501' } as const;
    events.emit({ ...paused, reason: 'permission denied', records: 3 });
    expect(watch.current.paused).toEqual(['Table product cannot be written, its changes wait: permission denied']);
    clock.ms = 61_000;
    expect(watch.current.paused).toEqual([]);
    events.emit({ type: 'paused', cause: 'configuration', shards: [1], error: new Error('no table spillway_shard') });
    expect(watch.current.paused).toEqual([
      'Nothing is written until the configuration is right: no table spillway_shard',
    ]);
  });
});

function judge(question: Partial<HealthQuestion>) {
  return judgeHealth({ stats: STATS, isDue: true, shards: 4, trouble: WELL, overdueMs: 31_000, ...question });
}

function watched() {
  const events = new SpillwayEvents();
  const clock = { ms: 0 };
  return { events, clock, watch: new TroubleWatch(events, () => clock.ms) };
}
