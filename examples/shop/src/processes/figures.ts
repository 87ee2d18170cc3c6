import type { SpillwayEventOf } from '@spillway/core';

/** The work of a process since it began, for the progress display. The comparison does not rely on it. */
export interface Figures {
  /** Flushes that were acknowledged. */
  readonly saves: number;
  /** Flushes that were refused because somebody else was faster, and done again. */
  readonly conflicts: number;
  /** Rows written to PostgreSQL. */
  readonly rows: number;
  /**
   * How long saves took, as `Times` counts them: from the request to the acknowledgement, so with what was loaded for
   * it, and with the refused flushes before it.
   */
  readonly times: readonly number[];
}

export const noFigures: Figures = { saves: 0, conflicts: 0, rows: 0, times: [] };

export function addFigures(a: Figures, b: Figures): Figures {
  return combine(a, b, (x, y) => x + y);
}

/** The work between two moments. */
export function subtractFigures(now: Figures, before: Figures): Figures {
  return combine(now, before, (x, y) => x - y);
}

function combine(a: Figures, b: Figures, by: (x: number, y: number) => number): Figures {
  const buckets = Math.max(a.times.length, b.times.length);
  return {
    saves: by(a.saves, b.saves),
    conflicts: by(a.conflicts, b.conflicts),
    rows: by(a.rows, b.rows),
    times: Array.from({ length: buckets }, (_, bucket) => by(a.times[bucket] ?? 0, b.times[bucket] ?? 0)),
  };
}

/** The rows that a batch has really written. */
export function rowsIn({ records, recordsAgain, recordsDead }: SpillwayEventOf<'written'>): number {
  return records - recordsAgain - recordsDead;
}
