import type { VersionText } from '../../../change/change.js';
import type { Outcome } from '../../../change/outcome.js';
import { decideConflict, type Verdict } from '../../../conflict/decide.js';
import { hasDeltas, withRecord, type Item } from '../plan/item.js';
import { whyNotReadable, whyNotWritable } from '../plan/readable.js';
import type { Session } from '../session.js';
import { versionFormat, type WallTime } from '../sql/version-format.js';
import { rowConflict, type DatabaseRow } from './database-row.js';
import { notWritable, buriedAs, stagingLoss, type Outcomes } from './outcomes.js';
import { incrementOf, writeRows } from './write-rows.js';

/** A decided conflict: the item to write now (none if only the outcome is left), and the outcome after that. */
interface Answer {
  readonly original: Item;
  readonly write?: Item;
  readonly outcome: (version: VersionText | undefined) => Outcome | undefined;
}

/**
 * Asks the strategy about each conflict and carries out the verdicts, a statement per kind. The rows are locked, so
 * these statements compare nothing.
 */
export async function decideConflicts(
  session: Session,
  conflicts: ReadonlyMap<Item, DatabaseRow>,
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const answers = [...conflicts].map(([item, row]) => judge(item, row));
  for (const kind of ['replace', 'update', 'increment', 'delete'] as const) {
    await carryOut(
      session,
      answers.filter(({ write }) => write?.record.kind === kind),
      outcomes,
      wallTime,
    );
  }
  for (const { original, write, outcome } of answers) {
    if (write === undefined) note(outcomes, original, outcome(undefined));
  }
}

/** A doubtful record may be in the database already, counters included, so no part of it is applied. */
function judge(item: Item, row: DatabaseRow): Answer {
  if (item.record.doubtful) return { original: item, outcome: () => stagingLoss(row.version) };
  const conflict = rowConflict(item, row);
  const { kind } = item.record;
  const unmeant = new Set(item.table.onUpdate);
  const problem = { kind, conflict, agreed: row.agreed, unmeant, later: row.later };
  const verdict = decideConflict(problem, item.table.conflict);
  return answerOf(item, row, verdict);
}

function answerOf(item: Item, row: DatabaseRow, verdict: Verdict): Answer {
  const rest = restOf(item, row);
  if (verdict.kind === 'overwrite') {
    return { original: item, write: forced(item, row), outcome: (version) => writtenOver(item, version) };
  }
  if (verdict.kind === 'write') return answerOfWrite(item, row, verdict);
  if (verdict.kind === 'keep-database') return { original: item, ...rest, outcome: supersededBy(row) };
  const outcome = (version = row.version): Outcome =>
    withMessage(buriedAs('CONFLICT', verdict.reason, version, hasDeltas(item)), verdict.message);
  return { original: item, ...rest, outcome };
}

function withMessage(outcome: Outcome, message: string | undefined): Outcome {
  return outcome.kind === 'buried' && message !== undefined ? { ...outcome, message } : outcome;
}

/**
 * The part that is still written of a record that is given up: its counters. If the record's version is at least the
 * row's, the row also gets a version above both. Readers hold the given-up state under the record's version, and would
 * otherwise write on without a conflict.
 */
function restOf(item: Item, row: DatabaseRow): { write?: Item } {
  const { kind, version } = item.record;
  const isOurs = kind !== 'delete' && version !== undefined && row.version !== undefined;
  if (isOurs && BigInt(row.version) <= BigInt(version)) {
    return { write: withRecord(item, { kind: 'update', values: {}, originals: {}, ...above(item, row) }, ['base']) };
  }
  return hasDeltas(item) ? { write: incrementOf(item) } : {};
}

function answerOfWrite(item: Item, row: DatabaseRow, { values, whole }: Verdict & { kind: 'write' }): Answer {
  const written = withRecord(item, { kind: 'update', values, ...kept(item, row) });
  const flaw = whyNotReadable(written.record) ?? whyNotWritable(written.record, written.key, written.table);
  if (flaw !== undefined) {
    return answerOf(item, row, {
      kind: 'bury',
      reason: `The conflict function's answer cannot be written: ${flaw}`,
    });
  }
  if (whole) return { original: item, write: forced(written, row), outcome: (version) => writtenOver(item, version) };
  if (Object.keys(values).length === 0) return answerOf(item, row, { kind: 'keep-database' });
  return { original: item, write: forced(written, row), outcome: supersededBy(row) };
}

/** A change of ours was given up, so a newer change of the row has to see the database's side too. */
function supersededBy(row: DatabaseRow): (version: VersionText | undefined) => Outcome {
  return (version = row.version) => ({ kind: 'superseded', ...(version !== undefined && { version }) });
}

/** A row that was to be deleted, and is written instead, needs a version that the delete did not have. */
function kept({ record: { kind } }: Item, { version }: DatabaseRow): { version?: VersionText } {
  return kind === 'delete' && version !== undefined ? { version } : {};
}

/** Without comparison, and with a version above both sides': neither side has seen the resulting row. */
function forced(item: Item, row: DatabaseRow): Item {
  return withRecord(item, { ...above(item, row), originals: {} }, ['base']);
}

/** The first version after both sides'. For dates it is a millisecond later. */
function above({ record: { version } }: Item, row: DatabaseRow): { version?: VersionText } {
  if (version === undefined) return {};
  const [ours, theirs] = [BigInt(version), BigInt(row.version ?? version)];
  return { version: String((ours > theirs ? ours : theirs) + 1n) };
}

function writtenOver({ record }: Item, version: VersionText | undefined): Outcome | undefined {
  return record.kind === 'delete' || version === undefined || version === record.version
    ? undefined
    : { kind: 'version', version };
}

async function carryOut(
  session: Session,
  answers: readonly Answer[],
  outcomes: Outcomes,
  wallTime: WallTime,
): Promise<void> {
  const items = answers.map(({ write }) => write).filter((item) => item !== undefined);
  const [first] = items;
  if (first === undefined) return;
  const format = versionFormat(first.table, wallTime);
  const returned = await writeRows(session, first.record.kind, items, wallTime);
  for (const { original, write, outcome } of answers) {
    const shown = write === undefined ? undefined : returned.get(write);
    if (shown === undefined) note(outcomes, original, notWritable(original));
    else note(outcomes, original, outcome(shown === null || format === undefined ? undefined : format.parse(shown)));
  }
}

function note(outcomes: Outcomes, item: Item, outcome: Outcome | undefined): void {
  if (outcome !== undefined) outcomes.set(item, outcome);
}
