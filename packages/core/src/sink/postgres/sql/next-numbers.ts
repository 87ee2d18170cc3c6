import { SpillwayError } from '../../../errors.js';
import type { Table } from '../../table.js';
import type { Session } from '../session.js';
import { quoted, tableName } from './quote.js';

/** @returns the next numbers of the sequence that the table's key column owns (`serial` or identity) */
export async function nextNumbers(session: Session, table: Table, count: number): Promise<string[]> {
  const column = table.key[0]?.name ?? '';
  const rows = await session.rows(
    'select nextval(pg_get_serial_sequence($1, $2))::text as number from generate_series(1, $3)',
    [tableName(table), column, count],
  );
  const numbers = rows.flatMap(([number]) => number ?? []);
  if (numbers.length === count) return numbers;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `${table.entity}: column ${tableName(table)}.${quoted(column)} has no sequence to number new rows from. ` +
      'Make it serial or identity (by default), or set the key in the entity',
  );
}
