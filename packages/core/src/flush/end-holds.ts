import type { RowKey } from '../change/row-key.js';
import type { ChangeSink, HoldEnding } from '../sink/change-sink.js';
import type { Hold, StageSide } from '../staging/stage-side.js';

/** The result of ending holds. */
export interface EndedHolds {
  /** Shard -> rows that are dirty now. */
  readonly staged: ReadonlyMap<number, readonly RowKey[]>;
  /** Holds of transactions that still run. */
  readonly running: number;
}

/**
 * Ends the holds of transactions that have ended, by the ledger. Each process that meets such holds ends them, because
 * the process that made them may be dead. Only the ledger counts: the answer to a COMMIT and the age of a transaction
 * prove nothing.
 *
 * @param shards the holds of these alone
 */
export async function endHoldsByLedger(
  staging: Pick<StageSide, 'held'>,
  sink: Pick<ChangeSink, 'endings'>,
  isWanted: (hold: Hold) => boolean = () => true,
  shards?: readonly number[],
): Promise<EndedHolds> {
  const holds = (await staging.held.list(shards)).filter(isWanted);
  if (holds.length === 0) return { staged: new Map(), running: 0 };
  const endings = await sink.endings(holds);
  return endHolds(staging, holds, endings);
}

/** Ends all holds of a shard at once, because later holds of a transaction lie on its earlier ones. */
export async function endHolds(
  staging: Pick<StageSide, 'held'>,
  holds: readonly Pick<Hold, 'shard' | 'id'>[],
  endings: ReadonlyMap<string, HoldEnding>,
): Promise<EndedHolds> {
  const staged = new Map<number, readonly RowKey[]>();
  let running = 0;
  await Promise.all(
    [...Map.groupBy(holds, ({ shard }) => shard)].map(async ([shard, ofShard]) => {
      const committed = new Map<string, readonly RowKey[]>();
      const dropped: string[] = [];
      for (const { id } of ofShard) {
        const ending = endings.get(id);
        if (ending?.kind === 'committed') committed.set(id, ending.written);
        else if (ending?.kind === 'dropped') dropped.push(id);
        else running += 1;
      }
      if (dropped.length > 0) await staging.held.drop(shard, dropped);
      if (committed.size > 0) staged.set(shard, await staging.held.stage(shard, committed));
    }),
  );
  return { staged, running };
}
