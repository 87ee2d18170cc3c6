import { CONFLICT } from '../../../change/record.js';
import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import type { Mask } from './mask.js';
import { ofRow } from './quote.js';
import { originalField, own, type Field } from './record-set.js';
import { unequal } from './unequal.js';
import type { VersionFormat } from './version-format.js';

/** The part of a where clause that keeps a stale record from being written. */
export interface Guard {
  readonly fields: readonly Field[];
  readonly conditions: readonly string[];
}

/**
 * The row has the version on which the record is based, and (`changed-properties`) its changed properties have the
 * values that were loaded.
 */
export function guard(table: Table, items: readonly Item[], format: VersionFormat | undefined, mask: Mask): Guard {
  const version = versionGuard(items, format);
  const originals =
    table.detect === 'changed-properties' ? originalsGuard(table, items, mask) : { fields: [], conditions: [] };
  return {
    fields: [...version.fields, ...originals.fields],
    conditions: [...version.conditions, ...originals.conditions],
  };
}

function versionGuard(items: readonly Item[], format: VersionFormat | undefined): Guard {
  const based = items.filter(({ record }) => record.base !== undefined).length;
  if (format === undefined || based === 0) return { fields: [], conditions: [] };
  const field: Field = {
    name: 'b',
    type: format.type,
    text: ({ record }) =>
      record.base === undefined || record.base === CONFLICT ? undefined : format.json(record.base),
  };
  const same = `t.${format.name} = ${format.value('s.b')}`;
  return { fields: [field], conditions: [based === items.length ? same : `(s.b is null or ${same})`] };
}

function originalsGuard(table: Table, items: readonly Item[], mask: Mask): Guard {
  const properties = new Set(items.flatMap(({ record }) => Object.keys(record.originals)));
  const fields: Field[] = [];
  const conditions: string[] = [];
  for (const [property, column] of Object.entries(table.columns)) {
    if (!properties.has(property) || table.onUpdate?.includes(property)) continue;
    const field = originalField(`o${fields.length}`, column);
    fields.push(field);
    const has = mask.condition(({ record }) => own(record.originals, property) !== undefined);
    const same = `not (${unequal(column, ofRow(column), field.name)})`;
    conditions.push(has === undefined ? same : `(not (${has}) or ${same})`);
  }
  return { fields, conditions };
}

/** Joins the row to its place in the record set. */
export function sameKey(table: Table): string {
  return table.key.map((column, position) => `${ofRow(column)} = s.k${position}`).join(' and ');
}
