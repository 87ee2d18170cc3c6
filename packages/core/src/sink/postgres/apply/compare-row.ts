import type { StagedRecord } from '../../../change/record.js';
import { parseRowKey, type RowKey } from '../../../change/row-key.js';
import { SpillwayError } from '../../../errors.js';
import type { ComparedRow } from '../../change-sink.js';
import { SinkFault } from '../../sink-failure.js';
import { failureOf } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { TableMap } from '../plan/table-map.js';
import type { Session } from '../session.js';
import type { WallTime } from '../sql/version-format.js';
import { readDatabaseRows } from './database-row.js';

/**
 * A row as the database has it, for a person to look at. Where PostgreSQL cannot read a value of the record, which may
 * be why the record is a dead letter, nothing is compared.
 */
export async function compareRow(
  session: Session,
  rowKey: RowKey,
  record: StagedRecord,
  tables: TableMap,
  wallTime: WallTime,
): Promise<ComparedRow | undefined> {
  const address = parseRowKey(rowKey);
  const table = tables.get(address);
  if (!table)
    throw new SpillwayError(
      'POLICY_MISMATCH',
      `Row ${rowKey} is of a table that no entity of this process is written to. Ask a process that has its entity`,
    );
  const item: Item = { token: '', rowKey, key: address.key, record, ageMs: 0, table };
  try {
    return await look(session, item, wallTime);
  } catch (error) {
    if (!(failureOf(error) instanceof SinkFault)) throw error;
    return look(session, { ...item, record: { ...record, values: {}, originals: {} } }, wallTime);
  }
}

async function look(session: Session, item: Item, wallTime: WallTime): Promise<ComparedRow | undefined> {
  const [row] = (await readDatabaseRows(session, [item], wallTime, 'look')).values();
  if (!row) return undefined;
  return { ...(row.version !== undefined && { version: row.version }), values: row.theirs, agreed: [...row.agreed] };
}
