import { randomUUID } from 'node:crypto';

/** Makes, when a row is staged, the value that the database would have made when it is inserted; in snapshot form. */
export type DefaultValue = () => unknown;

/** True if the default is the same each time it is made. */
export function isLiteralDefault(expression: string): boolean {
  return /^(?:null|true|false|-?\d+(?:\.\d+)?|'(?:[^']|'')*')$/i.test(expression.trim());
}

/** The default of a column as a function of ours; `undefined` for an expression that only the database can evaluate. */
export function defaultValue(expression: string): DefaultValue | undefined {
  const text = expression.trim().toLowerCase();
  if (text === 'null') return () => null;
  if (/^(now\(\)|current_timestamp(\(\d\))?)$/.test(text)) return () => new Date();
  if (text === 'gen_random_uuid()') return randomUUID;
  if (text === 'true' || text === 'false') return () => text === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text)) return () => text;
  const literal = /^'((?:[^']|'')*)'$/.exec(expression.trim());
  return literal ? () => literal[1]?.replaceAll("''", "'") : undefined;
}
