import { makesMissing } from '../../../change/record.js';
import { faultOf, type Fault } from '../fault.js';
import { asInsert, type Item } from '../plan/item.js';
import { writtenProperties } from '../sql/properties.js';
import { keyFields, originalField, recordSet, recordsJson, valueOf, type Field } from '../sql/record-set.js';
import type { Column } from '../../table.js';
import type { ApplyContext } from './context.js';
import { isOwnFault } from './own-fault.js';

/** The class of errors about a value that does not fit its column. PostgreSQL does not name the column. */
const DATA = '22';

type Part = readonly [Column, Field];

/** True if PostgreSQL can be asked which column cannot take its value. */
export function isOfColumn(fault: Fault): boolean {
  return isOwnFault(fault) && fault.sqlstate.startsWith(DATA);
}

/**
 * Adds to the fault the column whose value PostgreSQL cannot read, if there is one: each value is read by itself. If
 * only the sum of a counter does not fit, every value can be read.
 *
 * @param savepoint to which the transaction goes back after each refusal
 */
export async function withColumn(
  item: Item,
  fault: Fault,
  { session, names, mayRestart }: Pick<ApplyContext, 'session' | 'names' | 'mayRestart'>,
  savepoint: string,
): Promise<Fault> {
  for (const [column, field] of partsOf(item)) {
    try {
      const text = `select ${valueOf(field.name, column)} as v from ${recordSet([field])}`;
      await session.rows(text, [recordsJson([item], [field])]);
    } catch (error) {
      faultOf(error, { names, mayRestart });
      await session.script(`rollback to savepoint ${savepoint}`);
      return { ...fault, reason: `${fault.reason} ("${column.name}")` };
    }
  }
  return fault;
}

function partsOf(item: Item): Part[] {
  const { table, record } = item;
  const whole = makesMissing(record) ? asInsert(item) : item;
  const keys = keyFields(table.key).map((field, position): Part => [table.key[position] as Column, field]);
  const values = writtenProperties(table, [whole], 'values').flatMap(({ column, value }): Part[] =>
    value === undefined ? [] : [[column, { ...value, text: () => value.text(whole) }]],
  );
  const originals = Object.keys(record.originals).flatMap((property, position): Part[] => {
    const column = table.columns[property];
    return column === undefined ? [] : [[column, originalField(`o${position}`, column)]];
  });
  return [...keys, ...values, ...originals];
}
