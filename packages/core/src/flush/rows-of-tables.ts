import type { RowKey, TableName } from '../change/row-key.js';
import type { LookSide } from '../staging/look-side.js';

/** Makes all pending rows of some tables due, and answers them. */
export async function rowsOfTables(
  tables: readonly TableName[],
  { due }: Pick<LookSide, 'due'>,
): Promise<readonly RowKey[]> {
  const scope = { kind: 'tables', tables } as const;
  const marked = await due.make(scope);
  return due.rows(scope, marked.keys());
}
