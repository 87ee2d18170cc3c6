import type { Column } from '../../table.js';
import { valueOf } from './record-set.js';

/**
 * `unequal` for the column's type. Where the type's own equality is missing (json, xml, point), or finds values equal that are not the same ('1 day' and '24 hours', circles of one area, texts of
 * another case), or is not known, their texts are compared.
 */
export function unequal(column: Column, left: string, field: string): string {
  if (column.read === 'cast') return `${left}::jsonb is distinct from s.${field}::jsonb`;
  if (!HAS_EQUALITY.test(column.type)) return `${left}::text is distinct from s.${field}::text`;
  return `${left} is distinct from ${valueOf(field, column)}`;
}

const HAS_EQUALITY =
  /^(small|big)?(int|serial)\b|^int[248]\b|^integer\b|^(numeric|decimal|real|double precision|float[48]?|bool|boolean|text|varchar|char|character varying|character|uuid|date|time|timestamp|timestamptz|bytea|money|inet|cidr|macaddr8?|bit|varbit)\b/i;
