import { describe, expect, test } from 'vitest';
import { SpillwayEvents } from '../../../src/events.js';
import {
  DATABASE_PROBLEMS,
  STAGING_PROBLEMS,
  judgeHealth,
  unknownHealth,
  type HealthQuestion,
  type Trouble,
} from '../../../src/observability/health.js';
import { TroubleWatch } from '../../../src/observability/trouble-watch.js';

const WELL: Trouble = {
  database: undefined,
  staging: undefined,
  silentShards: new Set(),
  full: [],
  tables: [],
  configuration: [],
};
const STATS = {
  pending: { Product: 3, Order: 1 },
  inFlight: 0,
  dead: 2,
  deadDropped: 0,
  staged: 9,
  coalesced: 0,
  annihilated: 0,
  held: 0,
};

describe('health', () => {
  test('is up while changes wait no longer than they may, and dead letters alone change nothing', () => {
    expect(judge({ stats: { ...STATS, oldestMs: 500 } })).toEqual({
      status: 'up',
      states: [],
      problems: [],
      pending: 4,
      oldestMs: 500,
      dead: 2,
    });
  });

  test('is down when something is due and nobody writes it', () => {
    expect(judge({ stats: { ...STATS, oldestMs: 45_000 } })).toMatchObject({
      status: 'down',
      states: ['overdue'],
      problems: ['Nothing is written though it is due: the oldest change has waited 45s. See whether a worker runs'],
    });
  });

  test('is up when the oldest change is old but waits for its next attempt', () =>
    expect(judge({ stats: { ...STATS, oldestMs: 45_000 }, isDue: false }).status).toBe('up'));

  test('is down with a word and a remedy of its own for each state of PostgreSQL and of Redis', () => {
    const seen = new Set<string>();
    for (const [database, text] of Object.entries(DATABASE_PROBLEMS)) {
      expect(judge({ trouble: { ...WELL, database: database as keyof typeof DATABASE_PROBLEMS } })).toMatchObject({
        status: 'down',
        states: [`database-${database}`],
        problems: [text],
      });
      seen.add(text);
    }
    for (const [staging, text] of Object.entries(STAGING_PROBLEMS)) {
      expect(judge({ trouble: { ...WELL, staging: staging as keyof typeof STAGING_PROBLEMS } })).toMatchObject({
        status: 'down',
        states: [`staging-${staging}`],
        problems: [text],
      });
      seen.add(text);
    }
    expect(seen.size).toBe(Object.keys(DATABASE_PROBLEMS).length + Object.keys(STAGING_PROBLEMS).length);
  });

  test('is down while no more rows of an entity may be pending', () =>
    expect(judge({ trouble: { ...WELL, full: ['Product'] } })).toMatchObject({
      status: 'down',
      states: ['queue-full'],
      problems: [expect.stringContaining('As many rows of Product are pending as maxPending allows')],
    }));

  test('names what waits for a person', () =>
    expect(judge({ trouble: { ...WELL, tables: ['one', 'two'], configuration: ['three'] } })).toMatchObject({
      status: 'down',
      states: ['table-paused', 'configuration'],
      problems: ['one', 'two', 'three'],
    }));

  test('is degraded when a part of Redis is silent, and down when all of it is', () => {
    expect(judge({ trouble: { ...WELL, silentShards: new Set([1]) } })).toMatchObject({
      status: 'degraded',
      states: ['staging-silent'],
      problems: ['Redis does not answer for 1 of 4 shards. See whether its servers run'],
    });
    expect(judge({ trouble: { ...WELL, silentShards: new Set([0, 1, 2, 3]) } })).toMatchObject({
      status: 'down',
      states: ['staging-silent'],
      problems: [STAGING_PROBLEMS.silent],
    });
  });

  test('is degraded, and says what each server says of itself, when some of several take no changes', () => {
    const servers = [
      { state: 'silent', shards: [0, 1], said: 'One is away' },
      { state: 'full', shards: [2], said: 'Two is full' },
      { state: undefined, shards: [3], said: 'Three has another map' },
    ] as const;
    expect(judge({ trouble: { ...WELL, servers, silentShards: new Set([0, 1]) } })).toMatchObject({
      status: 'degraded',
      states: ['staging-silent', 'staging-full', 'configuration'],
      problems: ['One is away', 'Two is full', 'Three has another map'].map(
        (said) => `One of the Redis servers takes no changes, the others go on. ${said}`,
      ),
    });
  });

  test('that cannot be asked is down, and says why', () => {
    expect(unknownHealth(new Error('?'))).toEqual({ status: 'down', states: ['unknown'], problems: ['?'] });
    expect(unknownHealth('away', 'staging-silent')).toEqual({
      status: 'down',
      states: ['staging-silent'],
      problems: ['away'],
    });
  });
});

describe('what flushes have met', () => {
  test('begins and ends with the events that say so', () => {
    const { events, watch } = watched();
    events.emit({ type: 'sink-down', state: 'disk-full', error: new Error('full') });
    events.emit({ type: 'staging-down', shards: [1, 2], error: new Error('silent') });
    expect(watch.database(undefined)).toBe('disk-full');
    expect(watch.silentShards).toEqual(new Set([1, 2]));
    events.emit({ type: 'sink-up' });
    events.emit({ type: 'staging-up', shards: [1, 2] });
    expect(watch.database(undefined)).toBeUndefined();
    expect(watch.silentShards).toEqual(new Set());
  });

  test('is outlived by what PostgreSQL answers now, unless only writing shows it', () => {
    const { events, watch } = watched();
    events.emit({ type: 'sink-down', state: 'unreachable', error: new Error('refused') });
    expect(watch.database(undefined)).toBeUndefined();
    expect(watch.database('starting')).toBe('starting');
    events.emit({ type: 'sink-down', state: 'disk-full', error: new Error('full') });
    expect(watch.database('unreachable')).toBe('unreachable');
    expect(watch.database(undefined)).toBe('disk-full');
  });
});

test('a full disk that nobody has met for a minute is no longer told', () => {
  const { events, watch, clock } = watched();
  events.emit({ type: 'sink-down', state: 'disk-full', error: new Error('full') });
  clock.ms = 50_000;
  events.emit({ type: 'retry', shards: [1], reason: 'sink-down', error: new Error('full') });
  clock.ms = 100_000;
  expect(watch.database(undefined)).toBe('disk-full');
  clock.ms = 111_000;
  expect(watch.database(undefined)).toBeUndefined();
});

function judge(question: Partial<HealthQuestion>) {
  return judgeHealth({ stats: STATS, isDue: true, shards: 4, trouble: WELL, overdueMs: 31_000, ...question });
}

function watched() {
  const events = new SpillwayEvents();
  const clock = { ms: 0 };
  return { events, clock, watch: new TroubleWatch(events, () => clock.ms) };
}
