import { isBare, asBare } from '../bare-error.js';
import type { Values } from '../change/change.js';
import type { RecordKind } from '../change/record.js';
import { mergeByProperty } from './three-way-merge.js';
import type { ConflictStrategy, RowConflict, RowDecider } from './strategy.js';

/** The decision on a conflicting record. Differences of counters are applied in every case. */
export type Verdict =
  /** As if there were no conflict: everything of ours, including a delete. */
  | { readonly kind: 'overwrite' }
  /** These values onto the database's row. `whole`: nothing of ours was given up. */
  | { readonly kind: 'write'; readonly values: Values; readonly whole: boolean }
  | { readonly kind: 'keep-database' }
  /** `message`: text that may quote values, for the dead letter alone. */
  | { readonly kind: 'bury'; readonly reason: string; readonly message?: string };

export interface ConflictCase {
  readonly kind: RecordKind;
  readonly conflict: RowConflict;
  /** Properties whose value in the database is the wanted one already. */
  readonly agreed: ReadonlySet<string>;
  /** Properties that MikroORM sets with every update. They are no intention: the later value wins. */
  readonly unmeant?: ReadonlySet<string>;
  /** The `unmeant` properties of which the database has the later value. */
  readonly later?: ReadonlySet<string>;
}

const CHANGED = 'The row has been changed in the database since it was loaded.';

/** Asks the strategy. Total: a function that throws, or answers nonsense, buries the record with its message. */
export function decideConflict(problem: ConflictCase, strategy: ConflictStrategy): Verdict {
  if (strategy.kind === 'merge') return withUnmeant(problem, merge(problem, strategy.both));
  if (strategy.kind === 'function') return withUnmeant(problem, ask(problem, strategy.decide));
  return bySide(strategy.kind, CHANGED);
}

type Side = 'overwrite' | 'keep-database' | 'dead-letter';

function bySide(side: Side, reason: string): Verdict {
  return side === 'dead-letter' ? { kind: 'bury', reason } : { kind: side };
}

/** A delete and a replacement concern the row as a whole, so the database's change always meets ours. */
function merge({ kind, conflict, agreed, unmeant }: ConflictCase, both: Side): Verdict {
  if (kind === 'delete' || kind === 'replace') return bySide(both, CHANGED);
  const { write, contested } = mergeByProperty(conflict, agreed, unmeant);
  if (contested.length === 0) return { kind: 'write', values: write, whole: true };
  if (both === 'keep-database') return { kind: 'write', values: write, whole: false };
  return bySide(both, `Both sides have changed ${contested.map((property) => `"${property}"`).join(', ')}.`);
}

/** A row that was to be deleted or replaced, and gets some values instead, is never written as a whole. */
function ask({ kind, conflict, unmeant }: ConflictCase, decide: RowDecider): Verdict {
  try {
    const decision = decide(conflict);
    if (decision === 'overwrite' || decision === 'keep-database') return { kind: decision };
    if (decision === 'dead-letter') return { kind: 'bury', reason: CHANGED };
    if (Object.values(decision.write).some((value) => typeof value !== 'string'))
      throw asBare(new TypeError('it answered values that are not JSON texts'));
    return {
      kind: 'write',
      values: decision.write,
      whole: kind === 'update' && isWhole(conflict.ours, decision.write, unmeant),
    };
  } catch (error) {
    return failedWith(error);
  }
}

/** The application's own errors may quote the row. */
function failedWith(error: unknown): Verdict {
  const message = error instanceof Error ? error.message : String(error);
  if (isBare(error)) return { kind: 'bury', reason: `The conflict function failed: ${message}` };
  return { kind: 'bury', reason: 'The conflict function failed; the dead letter has what it has thrown', message };
}

function isWhole(ours: Values, written: Values, unmeant: ConflictCase['unmeant']): boolean {
  return Object.entries(ours).every(([property, value]) => unmeant?.has(property) || written[property] === value);
}

/**
 * With a property of ours go the `unmeant` ones that were set along with it, unless the database has a later value or
 * the verdict names them.
 */
function withUnmeant({ kind, conflict, unmeant, later }: ConflictCase, verdict: Verdict): Verdict {
  if (verdict.kind !== 'write' || kind !== 'update') return verdict;
  if (!verdict.whole && Object.keys(verdict.values).length === 0) return verdict;
  const along = Object.entries(conflict.ours).filter(([name]) => unmeant?.has(name) && !later?.has(name));
  return { ...verdict, values: { ...Object.fromEntries(along), ...verdict.values } };
}
