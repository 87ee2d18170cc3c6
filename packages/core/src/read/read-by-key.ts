import type { VersionText } from '../change/change.js';
import { covers, type BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { Pending } from '../staging/look-side.js';
import { isTakenForWritten, mayBeIncluded, pendingRecord, tellsByVersion } from './overlay.js';

/** The ports of the reader: pending changes, the ledger, and the database's rows in the caller's own form. */
export interface KeyedRows<R> {
  peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>>;
  /** The committed ones of these tokens, with the outcomes of their records. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;
  /** Ends the batch that holds the row as its ledger row says. */
  acknowledge(key: RowKey, token: string, outcomes: BatchOutcome): Promise<void>;
  /** True if the staging store has lost a part of the chain of the row's shard. Asked in rare cases only. */
  hasForgotten(key: RowKey): Promise<boolean>;
  read(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, R>>;
  versionOf(row: R): VersionText | undefined;
  /** The row with the record on top; `undefined` if that leaves no row. */
  lay(record: StagedRecord, row: R | undefined, key: RowKey): R | undefined;
}

/**
 * Reads rows by key so that every acknowledged change is in them, once.
 *
 * The order is peek, then database: a change that is not pending at the peek is in PostgreSQL already. The other order
 * would miss a change that is flushed in between. The price is that a change which was pending at the peek may be in
 * the row as well. A row below the record's version does not contain it, and the record is laid over. In all other
 * cases (counters, rows without a version, rows at or past the record's version) the reader peeks again after the row
 * was read. A change that is still pending, and in no batch that the ledger knows, is in no row: it is laid over,
 * whatever the row's version says. Otherwise the row is read again (H15, R10a: a version number does not prove who
 * wrote it).
 *
 * One case remains where the row's version decides: the staging store has lost data, so a record that looks pending may
 * have been written.
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
      else answerWith(key, record, found.get(key));
    }
    open = await lookAgainAt(doubtful, before, found);
  }
  return answer;

  async function lookAgainAt(
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
    for (const key of doubtful) if (!(await isAnswered(key))) still.push(key);
    return still;

    async function isAnswered(key: RowKey): Promise<boolean> {
      if (halves.includes(key)) return false;
      const was = withoutCommitted(before.get(key), key, known);
      const is = withoutCommitted(after.get(key), key, known);
      // Committed since the row was read, or even before: only another read can tell.
      const fresh = is !== withoutCommitted(is, key, committed);
      if (fresh || !stillCovers(is, was)) return false;
      const record = pendingRecord(is);
      const row = found.get(key);
      const isBelieved = record && row !== undefined && isTakenForWritten(record, rows.versionOf(row));
      answerWith(key, isBelieved && (await rows.hasForgotten(key)) ? undefined : record, row);
      return true;
    }
  }

  /**
   * True if only a second look can tell whether the record is in the row. A missing row contains no part of an update.
   */
  function isOpen(record: StagedRecord, row: R | undefined): boolean {
    if (!tellsByVersion(record)) return true;
    return row !== undefined && !record.doubtful && mayBeIncluded(record, rows.versionOf(row));
  }

  /**
   * The changes in flight of a row are one record. Only ending the batch, and looking again, tells the committed part
   * from the rest.
   */
  async function end(key: RowKey, token = ''): Promise<void> {
    const outcomes = committed.get(token);
    if (outcomes) await rows.acknowledge(key, token, outcomes);
  }

  function answerWith(key: RowKey, record: StagedRecord | undefined, row: R | undefined): void {
    const drop = !record || (row !== undefined && record.doubtful && isTakenForWritten(record, rows.versionOf(row)));
    const result = drop ? row : rows.lay(record, row, key);
    if (result !== undefined) answer.set(key, result);
  }
}

/** A part that was added to the row was rolled back, while the rest of its transaction was committed. */
function isHalfCommitted(
  inFlight: Pending['inFlight'],
  key: RowKey,
  committed: ReadonlyMap<string, BatchOutcome>,
): boolean {
  const outcomes = inFlight && committed.get(inFlight.token);
  return outcomes !== undefined && !covers(outcomes.get(key), inFlight?.part);
}

/**
 * Without the batch in flight, if it was known to be committed before the row was read: its record is in the row, or is
 * dead. A record that was put off is neither, and stays.
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
 * True if everything that was pending is still pending: each record is found again by its stage sequence, dirty or in
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
