import { ReferenceKind, type EntityMetadata, type EntityProperty, type Platform } from '@mikro-orm/core';
import type { ColumnValue } from '../values/column-value.js';
import type { DefaultValue } from './default-value.js';
import { keyText, type KeyText } from '../values/key-text.js';
import { columnsOf, type PropertyColumn } from './property-columns.js';
import { unsupported } from './unsupported.js';
import type { EntityKey, KeyColumn } from './write-behind-type.js';

/** The column values and the defaults of this entity. */
interface Values {
  readonly platform: Platform;
  of(column: PropertyColumn): ColumnValue;
  /** The default that the database would put in. */
  absent(property: EntityProperty): DefaultValue | undefined;
}

/**
 * @throws SpillwayError `ENTITY_UNSUPPORTED` for a key whose equal values have several texts, or for a key of several
 * columns that the database numbers.
 */
export function describeKey(meta: EntityMetadata, values: Values): EntityKey {
  const properties = meta.getPrimaryProps();
  const columns = properties.flatMap((property) =>
    columnsOf(property).map((column) => keyColumn(meta, property, column, values)),
  );
  const numbered = properties.find(({ autoincrement }) => autoincrement);
  if (numbered && columns.length > 1)
    throw unsupported(
      meta.className,
      `"${numbered.name}", which is a part of its primary key, is numbered by the database`,
      'Set it in the entity',
    );
  return { columns, sequence: numbered !== undefined };
}

function keyColumn(meta: EntityMetadata, property: EntityProperty, column: PropertyColumn, values: Values): KeyColumn {
  const value = values.of(column);
  const { customType } = column.leaf;
  const name = keyText(value.type, column.leaf.runtimeType === 'Date' ? momentName(value) : undefined);
  if (!name || column.leaf.hasConvertToDatabaseValueSQL) {
    throw unsupported(
      meta.className,
      `its primary key "${property.name}" has the type ${value.type}`,
      'Use an integer, bigint, uuid, text, varchar, bytea, date or numeric(p,s) key, or one of type Date with length: 3',
    );
  }
  const isNumber = value.type === 'integer' || value.type === 'smallint' || value.type === 'bigint';
  const absent = property.kind === ReferenceKind.SCALAR ? values.absent(property) : undefined;
  return {
    property,
    leaf: column.leaf,
    column: { property: property.name, name: column.name, type: value.type, read: value.read },
    name,
    toDatabase: (keyValue) => (customType ? customType.convertToDatabaseValue(keyValue, values.platform) : keyValue),
    toRow: (keyTextValue) => value.toRow(isNumber ? keyTextValue : JSON.stringify(keyTextValue)),
    ...(absent && { absent }),
  };
}

/**
 * Names a moment or, in a reference, the text of a moment as the driver answers it. JavaScript reads more texts than
 * PostgreSQL, and fewer digits of a second. Any other text is therefore left to PostgreSQL.
 */
function momentName(value: ColumnValue): KeyText {
  return (moment) => {
    const given = moment instanceof Date ? moment : value.toRow(JSON.stringify(String(moment)));
    if (!(given instanceof Date) || Number.isNaN(given.getTime())) return undefined;
    const written = value.toText(given);
    const text = JSON.parse(written) as string;
    const isExact =
      moment instanceof Date
        ? (value.toRow(written) as Date).getTime() === given.getTime()
        : plainMoment(String(moment)) === plainMoment(text);
    return { text, isExact };
  };
}

/** `2026-01-02 03:04:05.670+00` and `2026-01-02T03:04:05.67Z` are one text. */
function plainMoment(text: string): string {
  const zoned = text.replace(' ', 'T').replace(/\+00(?::00)?$/, 'Z');
  return zoned.replace(/\.(\d*?)0*(?=Z?$)/, (_, digits: string) => (digits === '' ? '' : `.${digits}`));
}
