import type { VersionText } from '../change/change.js';
import { covers, type BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { Pending } from '../staging/staging-store.js';
import { isTakenForWritten, mayBeIncluded, pendingRecord, tellsByVersion } from './overlay.js';

/**
 * What the reader needs of the world: pending changes, the ledger, and the database's rows in whatever form the
 * caller has them.
 */
export interface KeyedRows<R> {
  peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>>;
  /** Of these tokens, those that have been committed, with what became of their records. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;
  /** Ends the batch that holds the row as its ledger row says. */
  acknowledge(key: RowKey, token: string, outcomes: BatchOutcome): Promise<void>;
  /** Whether the staging store has forgotten a part of the chain of the row's shard. Asked in rare cases only. */
  hasForgotten(key: RowKey): Promise<boolean>;
  read(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, R>>;
  versionOf(row: R): VersionText | undefined;
  /** The row with the record on top; `undefined` if that leaves no row. */
  lay(record: StagedRecord, row: R | undefined, key: RowKey): R | undefined;
}

/**
 * Reads rows by key so that every acknowledged change is in them, once.
 *
 * The order is peek, then database: what is not pending at the peek is in PostgreSQL already, whereas the other order
 * would miss a change that is flushed in between. The price is that a change which was pending at the peek may be in
 * the row as well. A row below the record's version has no part of it, and the record is laid over. In all other
 * cases (counters, rows without a version, rows at or past the record's version) the reader looks again after the row
 * was read. What is still pending, and in no batch that the ledger knows, is in no row: it is laid over, whatever the
 * row's version says. Otherwise the row is read again (H15, R10a: a version number does not prove who wrote it).
 *
 * One case is left where the row's version is believed: the staging store has forgotten something, so a record that
 * looks pending may have been written.
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
      if (record && isOpen(record, found.get(key))) doubtful.push(key);
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
    const still: RowKey[] = [];
    for (const key of doubtful) if (!(await isSettled(key))) still.push(key);
    return still;

    async function isSettled(key: RowKey): Promise<boolean> {
      if (halves.includes(key)) return false;
      const was = withoutCommitted(before.get(key), key, known);
      const is = withoutCommitted(after.get(key), key, known);
      // Committed since the row was read, perhaps before: only reading again can tell.
      const fresh = is !== withoutCommitted(is, key, committed);
      if (fresh || !stillCovers(is, was)) return false;
      const record = pendingRecord(is);
      const row = found.get(key);
      const isBelieved = record && row !== undefined && isTakenForWritten(record, rows.versionOf(row));
      settle(key, isBelieved && (await rows.hasForgotten(key)) ? undefined : record, row);
      return true;
    }
  }

  /** Only a second look can tell whether the record is in the row. A row that is not there has no part of an update. */
  function isOpen(record: StagedRecord, row: R | undefined): boolean {
    if (!tellsByVersion(record)) return true;
    return row !== undefined && !record.doubtful && mayBeIncluded(record, rows.versionOf(row));
  }

  /**
   * What is in flight of a row is one record, so it can be told from what was committed of it only by ending the
   * batch, and looking again.
   */
  async function end(key: RowKey, token = ''): Promise<void> {
    const outcomes = committed.get(token);
    if (outcomes) await rows.acknowledge(key, token, outcomes);
  }

  function settle(key: RowKey, record: StagedRecord | undefined, row: R | undefined): void {
    const drop = !record || (row !== undefined && record.doubtful && isTakenForWritten(record, rows.versionOf(row)));
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

/**
 * What was known to be committed before the row was read is in the row, or is dead; a record that was put off is
 * neither.
 */
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

/**
 * Whether everything that was pending is pending still: each record is found again by its stage sequence, dirty or in
 * flight.
 */
function stillCovers(is: Pending | undefined, was: Pending | undefined): boolean {
  const now = recordsOf(is);
  return recordsOf(was).every((record) =>
    now.some((other) => other.first <= record.first && record.first <= other.last),
  );
}

function recordsOf(pending: Pending | undefined): StagedRecord[] {
  return [pending?.inFlight?.record, pending?.dirty].filter((record) => record !== undefined);
}
