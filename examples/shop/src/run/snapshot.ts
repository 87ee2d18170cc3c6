import type { Spillway, StagingStats } from '@spillway/core';
import type { Figures } from '../processes/figures.js';
import { insist } from '../shop/insist.js';

/** Where a shop stands at one moment. */
export interface Snapshot extends Figures {
  readonly seconds: number;
}

/** Where a shop stands whose changes are staged. */
export interface StagedSnapshot extends Snapshot {
  /** Records that are not yet in PostgreSQL. */
  readonly pending: number;
  /** Share of the staged changes that need no row of their own, because they went into one that was waiting already. */
  readonly coalesced: number;
  readonly dead: number;
  /** Seconds that the oldest pending change has waited. */
  readonly oldest: number;
}

export function isStaged(snapshot: Snapshot): snapshot is StagedSnapshot {
  return 'pending' in snapshot;
}

export async function takeSnapshot(spillway: Spillway, figures: Figures, seconds: number): Promise<StagedSnapshot> {
  const ask = () => spillway.status();
  const status = await insist(ask, ask);
  return {
    ...figures,
    seconds,
    pending: pendingIn(status),
    coalesced: status.staged === 0 ? 0 : status.coalesced / status.staged,
    dead: status.dead,
    oldest: (status.oldestMs ?? 0) / 1_000,
  };
}

/** Records of all entities that wait or are in flight. */
export function pendingIn({ pending }: StagingStats): number {
  return Object.values(pending).reduce((sum, records) => sum + records, 0);
}
