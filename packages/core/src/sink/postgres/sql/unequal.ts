import type { Column } from '../../table.js';
import { valueOf } from './record-set.js';

/**
 * The SQL condition that two values differ, by the column's type. They are compared as texts where the type has no
 * equality (json, xml, point), finds different values equal ('1 day' and '24 hours', circles of one area, texts of
 * another case), or is unknown.
 */
export function unequal(column: Column, left: string, field: string): string {
  if (column.read === 'cast') return `${left}::jsonb is distinct from s.${field}::jsonb`;
  if (!HAS_EQUALITY.test(column.type)) return `${left}::text is distinct from s.${field}::text`;
  return `${left} is distinct from ${valueOf(field, column)}`;
}

const HAS_EQUALITY =
  /^(small|big)?(int|serial)\b|^int[248]\b|^integer\b|^(numeric|decimal|real|double precision|float[48]?|bool|boolean|text|varchar|char|character varying|character|uuid|date|time|timestamp|timestamptz|bytea|money|inet|cidr|macaddr8?|bit|varbit)\b/i;
