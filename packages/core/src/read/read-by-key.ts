import type { VersionText } from '../change/change.js';
import { covers, type BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { Pending } from '../staging/staging-store.js';
import { isIncluded, pendingRecord, tellsByVersion } from './overlay.js';

/** What the reader needs of the world: pending changes, the ledger, and the database's rows in whatever form the caller has them. */
export interface KeyedRows<R> {
  peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>>;
  /** Of these tokens, those that have been committed, with what became of their records. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;
  /** Ends the batch that holds the row as its ledger row says. */
  acknowledge(key: RowKey, token: string, outcomes: BatchOutcome): Promise<void>;
  read(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, R>>;
  versionOf(row: R): VersionText | undefined;
  /** The row with the record on top; `undefined` if that leaves no row. */
  lay(record: StagedRecord, row: R | undefined, key: RowKey): R | undefined;
}

/**
 * Reads rows by key so that every acknowledged change is in them, once.
 *
 * The order is peek, then database: what is not pending at the peek is in PostgreSQL already, whereas the other order would miss a change that is flushed in
 * between. The price is that a change which was pending at the peek may be in the row as well. Where a version tells, the record is dropped. Where none does
 * (counters, rows without version), laying it over could count it twice, so such a row is believed only if, looking again after it was read, what was pending
 * still is, and the ledger does not know its batch; otherwise the row is read again.
 */
export async function readByKey<R>(keys: readonly RowKey[], rows: KeyedRows<R>): Promise<Map<RowKey, R>> {
  const answer = new Map<RowKey, R>();
  const committed = new Map<string, BatchOutcome>();
  let open = keys;
  while (open.length > 0) {
    const before = await rows.peek(open);
    const found = await rows.read(open);
    const doubtful: RowKey[] = [];
    for (const key of open) {
      const record = pendingRecord(withoutCommitted(before.get(key), key, committed));
      if (record && !tellsByVersion(record)) doubtful.push(key);
      else settle(key, record, found.get(key));
    }
    open = await settleDoubtful(doubtful, before, found);
  }
  return answer;

  async function settleDoubtful(
    doubtful: RowKey[],
    before: ReadonlyMap<RowKey, Pending>,
    found: ReadonlyMap<RowKey, R>,
  ): Promise<RowKey[]> {
    if (doubtful.length === 0) return [];
    const after = await rows.peek(doubtful);
    const known = new Map(committed);
    const tokens = [...new Set(doubtful.flatMap((key) => after.get(key)?.inFlight?.token ?? []))].filter(
      (token) => !known.has(token),
    );
    if (tokens.length > 0) for (const [token, outcomes] of await rows.outcomes(tokens)) committed.set(token, outcomes);
    const halves = doubtful.filter((key) => isHalfCommitted(after.get(key)?.inFlight, key, committed));
    for (const key of halves) await end(key, after.get(key)?.inFlight?.token);
    return doubtful.filter((key) => {
      if (halves.includes(key)) return true;
      const was = withoutCommitted(before.get(key), key, known);
      const is = withoutCommitted(after.get(key), key, known);
      // Committed since the row was read, perhaps before: only reading again can tell.
      const fresh = is !== withoutCommitted(is, key, committed);
      if (fresh || !stillCovers(is, was)) return true;
      settle(key, pendingRecord(is), found.get(key));
      return false;
    });
  }

  /** What is in flight of a row is one record, so it can be told from what was committed of it only by ending the batch, and looking again. */
  async function end(key: RowKey, token = ''): Promise<void> {
    const outcomes = committed.get(token);
    if (outcomes) await rows.acknowledge(key, token, outcomes);
  }

  function settle(key: RowKey, record: StagedRecord | undefined, row: R | undefined): void {
    const drop = !record || (row !== undefined && isIncluded(record, rows.versionOf(row)));
    const result = drop ? row : rows.lay(record, row, key);
    if (result !== undefined) answer.set(key, result);
  }
}

/** Something was added to the row in a part of a transaction that was rolled back, while the rest was committed. */
function isHalfCommitted(
  inFlight: Pending['inFlight'],
  key: RowKey,
  committed: ReadonlyMap<string, BatchOutcome>,
): boolean {
  const outcomes = inFlight && committed.get(inFlight.token);
  return outcomes !== undefined && !covers(outcomes.get(key), inFlight?.part);
}

/** What was known to be committed before the row was read is in the row, or is dead; a record that was put off is neither. */
function withoutCommitted(
  pending: Pending | undefined,
  key: RowKey,
  committed: ReadonlyMap<string, BatchOutcome>,
): Pending | undefined {
  const outcomes = pending?.inFlight && committed.get(pending.inFlight.token);
  if (!outcomes || outcomes.get(key)?.kind === 'again') return pending;
  const { inFlight: _, ...rest } = pending;
  return rest;
}

/** Whether everything that was pending is pending still: each record is found again by its stage sequence, dirty or in flight. */
function stillCovers(is: Pending | undefined, was: Pending | undefined): boolean {
  const now = recordsOf(is);
  return recordsOf(was).every((record) =>
    now.some((other) => other.first <= record.first && record.first <= other.last),
  );
}

function recordsOf(pending: Pending | undefined): StagedRecord[] {
  return [pending?.inFlight?.record, pending?.dirty].filter((record) => record !== undefined);
}
