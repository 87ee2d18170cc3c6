import type { Change } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';

/**
 * A row that refers to itself, or to one that is inserted after it, is inserted and then updated in one flush. The
 * update builds on the version that the insert names. But a row that comes back under its key goes on with the versions
 * of the deleted one, which only the staging store knows. Both changes are therefore staged as one insert.
 */
export function oneChangePerRow(changes: readonly Change[]): readonly Change[] {
  const byRow = new Map<RowKey, Change>();
  const others: Change[] = [];
  for (const change of changes) {
    const before = byRow.get(change.rowKey);
    if (before === undefined) byRow.set(change.rowKey, change);
    else if (before.kind === 'insert' && change.kind === 'update') byRow.set(change.rowKey, insertedAs(before, change));
    else others.push(change);
  }
  return [...byRow.values(), ...others];
}

function insertedAs(insert: Change, { values, version }: Change): Change {
  return { ...insert, values: { ...insert.values, ...values }, ...(version !== undefined && { version }) };
}
