import type { Values } from '../change/change.js';
import type { RecordKind } from '../change/record.js';
import { mergeByProperty } from './three-way-merge.js';
import type { ConflictStrategy, RowConflict, RowDecider } from './strategy.js';

/** What is to be done with a conflicting record. Differences of counters are applied in every case. */
export type Verdict =
  /** As if there were no conflict: everything of ours, including a delete. */
  | { readonly kind: 'overwrite' }
  /** These values onto the database's row. `whole`: nothing of ours was given up. */
  | { readonly kind: 'write'; readonly values: Values; readonly whole: boolean }
  | { readonly kind: 'keep-database' }
  | { readonly kind: 'bury'; readonly reason: string };

export interface ConflictCase {
  readonly kind: RecordKind;
  readonly conflict: RowConflict;
  /** Properties whose value in the database is what we want already. */
  readonly agreed: ReadonlySet<string>;
}

const CHANGED = 'The row has been changed in the database since it was loaded.';

/** Asks the strategy. Total: a function that throws, or answers nonsense, buries the record with its message. */
export function decideConflict(problem: ConflictCase, strategy: ConflictStrategy): Verdict {
  switch (strategy.kind) {
    case 'overwrite':
    case 'keep-database':
      return { kind: strategy.kind };
    case 'dead-letter':
      return { kind: 'bury', reason: CHANGED };
    case 'merge':
      return merge(problem, strategy.both);
    case 'function':
      return ask(problem, strategy.decide);
  }
}

/** A delete and a replacement concern the row as a whole, so the database's change always meets ours. */
function merge({ kind, conflict, agreed }: ConflictCase, both: 'overwrite' | 'keep-database' | 'dead-letter'): Verdict {
  if (kind === 'delete' || kind === 'replace') return decideConflict({ kind, conflict, agreed }, { kind: both });
  const { write, contested } = mergeByProperty(conflict, agreed);
  if (contested.length === 0) return { kind: 'write', values: write, whole: true };
  switch (both) {
    case 'overwrite':
      return { kind: 'overwrite' };
    case 'keep-database':
      return { kind: 'write', values: write, whole: false };
    case 'dead-letter':
      return {
        kind: 'bury',
        reason: `Both sides have changed ${contested.map((property) => `"${property}"`).join(', ')}.`,
      };
  }
}

function ask({ conflict }: ConflictCase, decide: RowDecider): Verdict {
  try {
    const decision = decide(conflict);
    if (decision === 'overwrite' || decision === 'keep-database') return { kind: decision };
    if (decision === 'dead-letter') return { kind: 'bury', reason: CHANGED };
    return { kind: 'write', values: decision.write, whole: isWhole(conflict.ours, decision.write) };
  } catch (error) {
    return {
      kind: 'bury',
      reason: `The conflict function failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function isWhole(ours: Values, written: Values): boolean {
  return Object.entries(ours).every(([property, value]) => written[property] === value);
}
