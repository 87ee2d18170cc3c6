import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../src/comparison/verdict.js';
import { hasFailed, type Outcome, type PlainOutcome } from '../src/run/outcome.js';
import { figures, report } from '../src/run/report.js';

const verdict: Verdict = { acknowledged: 4_000, inPostgres: 4_000, lost: 0, twice: 0, inDoubt: 2, findings: [] };
const lostUpdate: Finding = { effect: 'lost', changes: 1, what: 'products kettle has price = 1.00 instead of 9.50' };

const plain: PlainOutcome = {
  pace: { seconds: 5, saves: 4_000, p50Ms: 22.4, p99Ms: 99.6 },
  conflicts: 3,
  verdict,
};

const outcome: Outcome = {
  verdict,
  deadLetters: [],
  end: {
    seconds: 21,
    saves: 3_000,
    conflicts: 7,
    rows: 900,
    times: [],
    pending: 0,
    coalesced: 0.5,
    dead: 0,
    oldest: 0,
  },
  seconds: 20,
  drainMs: 80,
  killed: ['worker-1'],
  pace: { seconds: 5, saves: 10_000, p50Ms: 4.04, p99Ms: 31.4 },
  plain,
};

describe('the report', () => {
  const lines = (of: Outcome): string[] => report(of).split('\n');

  test('compares both shops in the line before the last', () => {
    expect(lines(outcome).slice(-2)).toEqual([
      'Spillway: 2,000 saves/s, p50 4.0 ms, p99 31 ms. Plain MikroORM: 800 saves/s, p50 22 ms, p99 100 ms. ' +
        '2.5 times as many, in 5.0 s each.',
      '4,000 acknowledged, 4,000 in PostgreSQL, 0 lost, 0 twice',
    ]);
  });

  test('compares nothing if the shop was closed early', () => {
    const early = { ...outcome, plain: undefined };
    expect(report(early)).not.toContain('Plain');
    expect(lines(early)).toHaveLength(lines(outcome).length - 1);
  });

  test('names what plain MikroORM has lost, which is no failure of Spillway', () => {
    const lossy = { ...outcome, plain: { ...plain, verdict: { ...verdict, lost: 1, findings: [lostUpdate] } } };
    expect(report(lossy)).toContain(`\nPLAIN MIKROORM, LOST: ${lostUpdate.what}\n`);
    expect(hasFailed(lossy)).toBe(false);
  });
});

test('the figures for programs have both', () => {
  expect(figures(outcome, '1')).toMatchObject({
    acknowledged: 4_000,
    lost: 0,
    savesPerSecond: 150,
    pace: { seconds: 5, saves: 10_000, savesPerSecond: 2_000, p50Ms: 4, p99Ms: 31.4 },
    plain: { savesPerSecond: 800, p50Ms: 22.4, p99Ms: 99.6, conflicts: 3, acknowledged: 4_000, lost: 0, twice: 0 },
    timesPlain: 2.5,
  });
});
