import type { SpillwayEventOf } from '@spillway/core';

/** The work of a process since it began, for the progress display. The comparison does not rely on it. */
export interface Figures {
  /** Flushes that were acknowledged. */
  readonly saves: number;
  /** Flushes that were refused because somebody else was faster, and done again. */
  readonly conflicts: number;
  /** Rows written to PostgreSQL. */
  readonly rows: number;
}

export const noFigures: Figures = { saves: 0, conflicts: 0, rows: 0 };

export function addFigures(a: Figures, b: Figures): Figures {
  return { saves: a.saves + b.saves, conflicts: a.conflicts + b.conflicts, rows: a.rows + b.rows };
}

/** The rows that a batch has really written. */
export function rowsIn({ records, recordsAgain, recordsDead }: SpillwayEventOf<'written'>): number {
  return records - recordsAgain - recordsDead;
}
