import { SpillwayError } from '../../../errors.js';
import type { SinkFault } from '../../sink-failure.js';
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

/** A sequence that answers with an error is no lost database: another try does not help. */
export function noNumbers(table: Table, failure: SinkFault): SpillwayError {
  const column = `${tableName(table)}.${quoted(table.key[0]?.name ?? '')}`;
  return new SpillwayError(
    'CONFIG_INVALID',
    `${table.entity}: PostgreSQL gives no numbers for new rows from the sequence of column ${column} (SQLSTATE ${failure.sqlstate}). ` +
      "See that Spillway's role may use the sequence, and that it has not come to its end, or set the key in the entity",
    { cause: failure },
  );
}
