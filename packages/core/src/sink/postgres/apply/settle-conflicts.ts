import type { VersionText } from '../../../change/change.js';
import type { Outcome } from '../../../change/outcome.js';
import { decideConflict, type Verdict } from '../../../conflict/decide.js';
import { hasDeltas, withRecord, type Item } from '../plan/item.js';
import { whyNotWritable } from '../plan/readable.js';
import type { Session } from '../session.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';
import { rowConflict, type DatabaseRow } from './database-row.js';
import { notWritable, overruled, stagingLoss, type Outcomes } from './outcomes.js';
import { incrementOf, writeRows } from './write-rows.js';

/** One conflict, decided: the item as it is written now (nothing if only the outcome is left), and the outcome once that is done. */
interface Settlement {
  readonly original: Item;
  readonly write?: Item;
  readonly outcome: (version: VersionText | undefined) => Outcome | undefined;
}

/** Asks the strategy about each conflict and carries out the verdicts, a statement per kind. The rows are locked, so nothing is compared any more. */
export async function settleConflicts(
  session: Session,
  conflicts: ReadonlyMap<Item, DatabaseRow>,
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const settlements = [...conflicts].map(([item, row]) => settle(item, row));
  for (const kind of ['replace', 'update', 'increment', 'delete'] as const) {
    await carryOut(
      session,
      settlements.filter(({ write }) => write?.record.kind === kind),
      outcomes,
      wallTime,
    );
  }
  for (const { original, write, outcome } of settlements) {
    if (write === undefined) note(outcomes, original, outcome(undefined));
  }
}

/** A doubtful record may be in the database already, counters included, so nothing of it is applied. */
function settle(item: Item, row: DatabaseRow): Settlement {
  if (item.record.doubtful) return { original: item, outcome: () => stagingLoss(row.version) };
  const conflict = rowConflict(item, row);
  const verdict = decideConflict({ kind: item.record.kind, conflict, agreed: row.agreed }, item.table.conflict);
  return settlementOf(item, row, verdict);
}

function settlementOf(item: Item, row: DatabaseRow, verdict: Verdict): Settlement {
  const counters = hasDeltas(item) ? { write: incrementOf(item) } : {};
  if (verdict.kind === 'overwrite') {
    return { original: item, write: forced(item, row), outcome: (version) => writtenOver(item, version) };
  }
  if (verdict.kind === 'write') return settlementOfWrite(item, row, verdict);
  if (verdict.kind === 'keep-database') return { original: item, ...counters, outcome: supersededBy(row) };
  const outcome = (version = row.version): Outcome => overruled('CONFLICT', verdict.reason, version, hasDeltas(item));
  return { original: item, ...counters, outcome };
}

function settlementOfWrite(item: Item, row: DatabaseRow, { values, whole }: Verdict & { kind: 'write' }): Settlement {
  const written = withRecord(item, { kind: 'update', values, ...kept(item, row) });
  const flaw = whyNotWritable(written.record, written.key, written.table);
  if (flaw !== undefined) {
    return settlementOf(item, row, {
      kind: 'bury',
      reason: `The conflict function's answer cannot be written: ${flaw}`,
    });
  }
  if (whole) return { original: item, write: forced(written, row), outcome: (version) => writtenOver(item, version) };
  if (Object.keys(values).length === 0) return settlementOf(item, row, { kind: 'keep-database' });
  return { original: item, write: forced(written, row), outcome: supersededBy(row) };
}

/** Something of ours was given up, so a newer change of the row has to see the database's side too. */
function supersededBy(row: DatabaseRow): (version: VersionText | undefined) => Outcome {
  return (version = row.version) => ({ kind: 'superseded', ...(version !== undefined && { version }) });
}

/** A row that was to be deleted, and is written instead, needs a version that the delete did not have. */
function kept({ record: { kind } }: Item, { version }: DatabaseRow): { version?: VersionText } {
  return kind === 'delete' && version !== undefined ? { version: laterOf('0', version) } : {};
}

/** Not compared, and a version later than both sides', or others would not notice. */
function forced(item: Item, row: DatabaseRow): Item {
  const { version } = item.record;
  const next = version === undefined ? {} : { version: laterOf(version, row.version) };
  return withRecord(item, { ...next, originals: {} }, ['base']);
}

/** Our version, or the first one after the database's if that is later. For dates this is a millisecond. */
function laterOf(ours: VersionText, theirs: VersionText | undefined): VersionText {
  if (theirs === undefined) return ours;
  const after = BigInt(theirs) + 1n;
  return BigInt(ours) > after ? ours : String(after);
}

function writtenOver({ record }: Item, version: VersionText | undefined): Outcome | undefined {
  return record.kind === 'delete' || version === undefined || version === record.version
    ? undefined
    : { kind: 'version', version };
}

async function carryOut(
  session: Session,
  settlements: readonly Settlement[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const items = settlements.map(({ write }) => write).filter((item) => item !== undefined);
  const [first] = items;
  if (first === undefined) return;
  const format = versionFormat(first.table, wallTime);
  const returned = await writeRows(session, first.record.kind, items, wallTime);
  for (const { original, write, outcome } of settlements) {
    const shown = write === undefined ? undefined : returned.get(write);
    if (shown === undefined) note(outcomes, original, notWritable(original));
    else note(outcomes, original, outcome(shown === null || format === undefined ? undefined : format.parse(shown)));
  }
}

function note(outcomes: Outcomes, item: Item, outcome: Outcome | undefined): void {
  if (outcome !== undefined) outcomes.set(item, outcome);
}
