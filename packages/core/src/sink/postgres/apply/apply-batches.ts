import { covering, type BatchOutcome, type Outcome } from '../../../change/outcome.js';
import { type RowKey, tableText } from '../../../change/row-key.js';
import type { Batch } from '../../../staging/flush-side.js';
import type { StatementGroup, Plan } from '../plan/plan.js';
import type { Applied } from './context.js';
import { failed, buriedAs } from './outcomes.js';
import type { TableFault } from './table-fault.js';

/** How long records wait for a process that knows their table. */
const STRANGER_DELAY_MS = 1_000;

/**
 * Writes the statement groups of planned batches through `apply`. Answers token -> outcomes, also of records without a
 * statement.
 */
export async function applyBatches(
  batches: readonly Batch[],
  planned: Plan,
  apply: (groups: readonly StatementGroup[]) => Promise<Applied>,
): Promise<{ readonly outcomes: ReadonlyMap<string, BatchOutcome>; readonly tableFaults: readonly TableFault[] }> {
  const { outcomes, tableFaults } = await apply(planned.groups);
  const byToken = new Map(batches.map(({ token }) => [token, new Map<RowKey, Outcome>()]));
  for (const [{ token, rowKey }, outcome] of outcomes) byToken.get(token)?.set(rowKey, outcome);
  unplanned(planned, byToken);
  return {
    outcomes: new Map(batches.map(({ token, added }) => [token, covering(byToken.get(token) ?? new Map(), added)])),
    tableFaults: [...tableFaults, ...unknownTables(planned)],
  };
}

/** The outcomes of records that no statement was made for. */
function unplanned({ unreadable, misfits, strangers }: Plan, byToken: ReadonlyMap<string, Map<RowKey, Outcome>>): void {
  for (const { token, rowKey, reason } of unreadable) byToken.get(token)?.set(rowKey, buriedAs('UNREADABLE', reason));
  for (const { item, reason } of misfits)
    byToken.get(item.token)?.set(item.rowKey, failed(item, { code: 'UNREADABLE', reason }));
  for (const { token, rowKey, attempts, address } of strangers) {
    const reason = `No entity of this process is the table "${address.schema}"."${address.table}".`;
    byToken.get(token)?.set(rowKey, { kind: 'again', attempts, delayMs: STRANGER_DELAY_MS, reason });
  }
}

function unknownTables({ strangers }: Plan): TableFault[] {
  const faults = new Map<string, TableFault>();
  for (const { address } of strangers) {
    const { schema, table } = address;
    const name = tableText(address);
    const reason =
      'Records wait for a process that has an entity of this table: a newer release, or one that was renamed or removed.';
    faults.set(name, { schema, table, code: 'UNKNOWN_TABLE', reason, records: (faults.get(name)?.records ?? 0) + 1 });
  }
  return [...faults.values()];
}
