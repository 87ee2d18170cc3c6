import { describe, expect, test } from 'vitest';
import { SpillwayEvents } from '../../../src/events.js';
import { judgeHealth } from '../../../src/observability/health.js';
import { LossWatch } from '../../../src/observability/loss-watch.js';

const STATS = { pending: {}, inFlight: 0, dead: 0, deadDropped: 0, staged: 0, coalesced: 0, annihilated: 0, held: 0 };
const WELL = {
  database: undefined,
  staging: undefined,
  silentShards: new Set<number>(),
  full: [],
  tables: [],
  configuration: [],
};

function watched(): {
  readonly events: SpillwayEvents;
  readonly lines: string[];
  readonly watch: LossWatch;
  readonly clock: { nowMs: number };
} {
  const events = new SpillwayEvents();
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const logger = { warn: () => undefined, error: (line: string) => void lines.push(line) };
  return { events, lines, clock, watch: new LossWatch(events, logger, () => clock.nowMs) };
}

describe('a chain that has lost something', () => {
  test('is said once for all shards, with what it means for the rows', () => {
    const { events, lines, watch } = watched();
    for (let shard = 20; shard > 0; shard -= 1)
      events.emit({ type: 'staging-loss', shard, forgot: 'staging', parked: 2, doubtful: 1 });
    expect(lines).toEqual([]);
    watch.say();
    expect(lines).toEqual([
      'Spillway: The staging store has forgotten something in shards 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, … (20 in all): ' +
        'it fell back to an older state, in a failover or a restart, or was emptied or replaced. ' +
        '40 pending records may have been written already and are dead letters STAGING_LOSS now: ' +
        'compare each with its row, then retry or discard it. 20 pending records are settled by the version of their row. ' +
        'Whatever else was acknowledged, not yet written and is not pending any more, is lost',
    ]);
    watch.say();
    expect(lines).toHaveLength(1);
  });

  test('in PostgreSQL is said as such', () => {
    const { events, lines, watch } = watched();
    events.emit({ type: 'staging-loss', shard: 3, forgot: 'database', token: 'T9' });
    watch.say();
    expect(lines).toEqual([
      expect.stringMatching(/^Spillway: PostgreSQL has forgotten batches of shard 3 that were committed once/u),
    ]);
  });

  test('degrades health for an hour, from the moment on', () => {
    const { events, watch, clock } = watched();
    const health = () =>
      judgeHealth({
        stats: STATS,
        isDue: false,
        shards: 4,
        trouble: { ...WELL, losses: watch.recent },
        overdueMs: 1_000,
      });
    expect(health()).toMatchObject({ status: 'up', problems: [] });
    events.emit({ type: 'staging-loss', shard: 3, forgot: 'staging', parked: 0, doubtful: 0 });
    const problems = [expect.stringContaining('has forgotten something in shard 3: ')];
    expect(health()).toMatchObject({ status: 'degraded', problems });
    watch.say();
    clock.nowMs = 3_500_000;
    expect(health()).toMatchObject({ status: 'degraded', problems });
    clock.nowMs = 3_700_000;
    expect(health()).toMatchObject({ status: 'up', problems: [] });
  });
});
