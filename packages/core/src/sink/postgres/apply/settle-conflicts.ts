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
    if (write === undefined) record(outcomes, original, outcome(undefined));
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
  const superseded = (version = row.version): Outcome => ({
    kind: 'superseded',
    ...(version !== undefined && { version }),
  });
  switch (verdict.kind) {
    case 'keep-database':
      return { original: item, ...counters, outcome: superseded };
    case 'bury':
      return {
        original: item,
        ...counters,
        outcome: (version) => overruled('CONFLICT', verdict.reason, version ?? row.version, hasDeltas(item)),
      };
    case 'overwrite':
      return { original: item, write: forced(item, row), outcome: (version) => writtenOver(item, version) };
    case 'write': {
      const written = withRecord(item, { kind: 'update', values: verdict.values, ...kept(item, row) });
      const reason = whyNotWritable(written.record, written.key, written.table);
      if (reason !== undefined)
        return settlementOf(item, row, {
          kind: 'bury',
          reason: `The conflict function's answer cannot be written: ${reason}`,
        });
      if (Object.keys(verdict.values).length === 0 && !verdict.whole)
        return { original: item, ...counters, outcome: superseded };
      return {
        original: item,
        write: forced(written, row),
        outcome: verdict.whole ? (version) => writtenOver(item, version) : superseded,
      };
    }
  }
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
export function laterOf(ours: VersionText, theirs: VersionText | undefined): VersionText {
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
    if (shown === undefined) record(outcomes, original, notWritable(original));
    else record(outcomes, original, outcome(shown === null || format === undefined ? undefined : format.parse(shown)));
  }
}

function record(outcomes: Outcomes, item: Item, outcome: Outcome | undefined): void {
  if (outcome !== undefined) outcomes.set(item, outcome);
}
