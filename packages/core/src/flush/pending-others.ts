import type { SchedulerLike } from 'rxjs';
import type { BatchOutcome } from '../change/outcome.js';
import { isInTables, type RowKey, shardOf, type TableName } from '../change/row-key.js';
import type { RefusedRow } from '../sink/change-sink.js';
import type { Batch } from '../staging/flush-side.js';
import type { LookSide, Watermark } from '../staging/look-side.js';
import { askStaging } from './ask-staging.js';

/** A row that has not been written and not been blamed: refused by PostgreSQL for now, or waiting for a lock. */
interface Waiting {
  readonly row: RefusedRow;
  readonly sinceMs: number;
  /** Watermarks of the other pending rows of its table, at its first refusal. Absent for a row that was not refused. */
  readonly watermarks?: ReadonlyMap<number, Watermark>;
  isOver?: boolean;
}

/** The longest that a refused row waits for others. */
const LONGEST_MS = 30_000;
/** For so long a row that has waited gets no further time, however often it is refused. */
const REMEMBERED_MS = 600_000;
/** At most this many rows are remembered. The oldest are dropped first, and may wait once more. */
const MOST = 10_000;

export interface OthersDeps {
  readonly staging: LookSide;
  readonly scheduler: SchedulerLike;
  readonly timeoutMs: number;
}

/**
 * Decides which refused rows have to wait for other rows of their table. A row may need a unique value that another row
 * has given up before. The flush of that other row may come later, because it is in another shard or locked. At a row's
 * first refusal, all pending changes of the table are therefore made due, and the row waits until all of them have been
 * tried. It also waits for rows that were staged earlier and wait themselves, so that rows may depend on each other in
 * a chain. Of two rows that want the same value, only the later one waits.
 *
 * Each process remembers on its own: a row that another process flushes next gets time once more.
 */
export class PendingOthers {
  readonly #deps: OthersDeps;
  readonly #rows = new Map<RowKey, Waiting>();

  constructor(deps: OthersDeps) {
    this.#deps = deps;
  }

  /** @param own the rows of the asking transaction: they have been tried */
  async of(rows: readonly RefusedRow[], own: ReadonlySet<RowKey>): Promise<ReadonlySet<RowKey>> {
    this.#forgetOld();
    const waiting = new Set<RowKey>();
    for (const ofTable of Map.groupBy(rows, ({ behind }) => JSON.stringify(behind)).values()) {
      try {
        for (const rowKey of await this.#ofTable(ofTable.toSorted(byStaging), own)) waiting.add(rowKey);
      } catch {
        // A row must not be blamed while the pending changes cannot be seen.
        for (const { rowKey } of ofTable) waiting.add(rowKey);
      }
    }
    return waiting;
  }

  /** Remembers the rows of a batch that wait without being refused. */
  note({ records }: Batch, outcomes: BatchOutcome): void {
    for (const [rowKey, outcome] of outcomes) {
      const record = records.get(rowKey);
      if (outcome.kind !== 'again' || outcome.attempts !== record?.attempts || this.#rows.has(rowKey)) continue;
      this.#remember({ rowKey, behind: [], firstAtMs: record.firstAtMs });
    }
  }

  async #ofTable(rows: readonly RefusedRow[], own: ReadonlySet<RowKey>): Promise<readonly RowKey[]> {
    const [first] = rows;
    if (first === undefined) return [];
    const isNew = rows.some(({ rowKey }) => this.#rows.get(rowKey)?.watermarks === undefined);
    const marked = isNew ? await this.#make(first.behind, own) : new Map<number, Watermark>();
    const earlier = await this.#stillWaiting(first.behind, own);
    const waiting: RowKey[] = [];
    for (const row of rows) {
      const known = this.#rows.get(row.rowKey);
      const entry = known?.watermarks === undefined ? this.#remember(row, marked) : known;
      const isBehind = waiting.length > 0 || earlier.some((other) => byStaging(other, row) < 0);
      if (entry.isOver !== true && (isBehind || (await this.#isUntried(entry, own)))) waiting.push(row.rowKey);
      else entry.isOver = true;
    }
    return waiting;
  }

  /** Makes all pending changes of the tables due. Answers the shards with rows other than the transaction's own. */
  async #make(tables: readonly TableName[], own: ReadonlySet<RowKey>): Promise<ReadonlyMap<number, Watermark>> {
    const scope = { kind: 'tables', tables } as const;
    const marks = await this.#ask(this.#deps.staging.due.make(scope));
    const shards = await this.#shardsWithOthers(tables, [...marks.keys()], own);
    return new Map([...marks].filter(([shard, { paused }]) => shards.has(shard) && paused !== 'all'));
  }

  async #shardsWithOthers(
    tables: readonly TableName[],
    shards: readonly number[],
    own: ReadonlySet<RowKey>,
  ): Promise<ReadonlySet<number>> {
    if (shards.length === 0) return new Set();
    const { staging } = this.#deps;
    const rows = await this.#ask(staging.due.rows({ kind: 'tables', tables }, shards));
    return new Set(rows.filter((rowKey) => !own.has(rowKey)).map((rowKey) => shardOf(rowKey, staging.shards)));
  }

  /** The transaction's own batches are in flight, and look untried, so they are left out. */
  async #isUntried({ row, watermarks, sinceMs }: Waiting, own: ReadonlySet<RowKey>): Promise<boolean> {
    if (watermarks === undefined || watermarks.size === 0) return false;
    if (this.#deps.scheduler.now() - sinceMs > LONGEST_MS) return false;
    const pending = await this.#ask(this.#deps.staging.due.pending(watermarks));
    const untried = [...pending].filter(([, state]) => state === 'untried').map(([shard]) => shard);
    return (await this.#shardsWithOthers(row.behind, untried, own)).size > 0;
  }

  /** Rows of the tables, outside the asking transaction, that were not written when they were last tried. */
  async #stillWaiting(tables: readonly TableName[], own: ReadonlySet<RowKey>): Promise<readonly RefusedRow[]> {
    const now = this.#deps.scheduler.now();
    const isOfTables = isInTables(tables);
    const others = [...this.#rows.values()].filter(
      ({ row, isOver, sinceMs }) =>
        isOver !== true && now - sinceMs <= LONGEST_MS && isOfTables(row.rowKey) && !own.has(row.rowKey),
    );
    if (others.length === 0) return [];
    const keys = others.map(({ row }) => row.rowKey);
    const found = await this.#ask(this.#deps.staging.peek(keys));
    return others
      .map(({ row }) => row)
      .filter(({ rowKey }) => {
        const record = found.get(rowKey)?.inFlight?.record ?? found.get(rowKey)?.dirty;
        if (record === undefined) this.#rows.delete(rowKey);
        return record?.attempts === 0;
      });
  }

  #remember(row: RefusedRow, watermarks?: ReadonlyMap<number, Watermark>): Waiting {
    const sinceMs = this.#rows.get(row.rowKey)?.sinceMs ?? this.#deps.scheduler.now();
    const entry: Waiting = { row, sinceMs, ...(watermarks && { watermarks }) };
    this.#rows.delete(row.rowKey);
    this.#rows.set(row.rowKey, entry);
    if (this.#rows.size > MOST)
      for (const oldest of [...this.#rows.keys()].slice(0, MOST / 10)) this.#rows.delete(oldest);
    return entry;
  }

  #forgetOld(): void {
    const now = this.#deps.scheduler.now();
    for (const [rowKey, { sinceMs }] of this.#rows) if (now - sinceMs > REMEMBERED_MS) this.#rows.delete(rowKey);
  }

  #ask<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs, scheduler } = this.#deps;
    return askStaging(answer, timeoutMs, 'A look at what else is pending', scheduler);
  }
}

function byStaging(a: RefusedRow, b: RefusedRow): number {
  return a.firstAtMs - b.firstAtMs || (a.rowKey < b.rowKey ? -1 : a.rowKey > b.rowKey ? 1 : 0);
}
