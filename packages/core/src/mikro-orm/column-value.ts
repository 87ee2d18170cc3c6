import type { JsonText } from '../change/change.js';
import { decimalText, unitsOf } from './counter-delta.js';
import { uuidText } from './key-text.js';

/**
 * How a value travels: from MikroORM's snapshot (database form, by property) to the JSON text that PostgreSQL reads with the column's type, and back to what
 * the driver would have answered for that column.
 */
export interface ColumnValue {
  /** As PostgreSQL writes it: `integer`, `numeric(10,2)`, `text[]`. */
  readonly type: string;
  readonly read: 'direct' | 'cast';
  toText(value: unknown): JsonText;
  toRow(text: JsonText): unknown;
}

export interface ColumnValueOptions {
  /** `timestamp` columns hold UTC (MikroORM's default) or the process's local time. */
  readonly timestampsInUtc: boolean;
}

/** A property of type `Date` has one in the driver's rows, as its snapshot has; any other property has the text. */
export type ColumnContent = 'Date' | 'other';

/** The value of a column of this type with such content, or `undefined` if Spillway does not know them together. */
export function columnValue(
  declared: string,
  content: ColumnContent,
  options: ColumnValueOptions,
): ColumnValue | undefined {
  const type = canonicalType(declared);
  const shape = content === 'Date' ? DATE_SHAPES[nameOf(type)] : shapeOf(type);
  if (!shape) return undefined;
  const { write, read } = CONVERSIONS[shape](type, options);
  return {
    type,
    read: shape === 'json' ? 'cast' : 'direct',
    toText: (value) => (value === null || value === undefined ? 'null' : write(value)),
    toRow: (text) => (text === 'null' ? null : read(text)),
  };
}

type Shape =
  | 'integer'
  | 'bigint'
  | 'float'
  | 'boolean'
  | 'decimal'
  | 'text'
  | 'uuid'
  | 'instant'
  | 'timestamp'
  | 'json'
  | 'bytes';

interface Conversion {
  readonly write: (value: unknown) => JsonText;
  readonly read: (text: JsonText) => unknown;
}

const ALIASES: Readonly<Record<string, string>> = {
  int: 'integer',
  int4: 'integer',
  serial: 'integer',
  int2: 'smallint',
  smallserial: 'smallint',
  int8: 'bigint',
  bigserial: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  decimal: 'numeric',
  'character varying': 'varchar',
  character: 'char',
  bpchar: 'char',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  'time without time zone': 'time',
  'time with time zone': 'timetz',
};

const SHAPES: Readonly<Record<string, Shape>> = {
  smallint: 'integer',
  integer: 'integer',
  bigint: 'bigint',
  real: 'float',
  'double precision': 'float',
  boolean: 'boolean',
  numeric: 'decimal',
  text: 'text',
  varchar: 'text',
  char: 'text',
  uuid: 'uuid',
  date: 'text',
  time: 'text',
  timetz: 'text',
  timestamptz: 'text',
  timestamp: 'text',
  json: 'json',
  jsonb: 'json',
  bytea: 'bytes',
};

const DATE_SHAPES: Readonly<Record<string, Shape>> = { timestamptz: 'instant', timestamp: 'timestamp' };

/** `int` -> `integer`, `character varying(20)` -> `varchar(20)`; case and spaces are folded, arguments and `[]` kept. */
function canonicalType(declared: string): string {
  const text = declared.trim().toLowerCase().replaceAll(/\s+/g, ' ');
  const parts = /^(?<name>[^([]+?) ?(?<args>\([^)]*\))?(?<zone> with(?:out)? time zone)?(?<array>(?:\[\])*)$/.exec(
    text,
  )?.groups;
  if (!parts?.['name']) return text;
  const name = parts['name'] + (parts['zone'] ?? '');
  return (ALIASES[name] ?? name) + (parts['args'] ?? '').replaceAll(' ', '') + (parts['array'] ?? '');
}

/** Without arguments and brackets. */
function nameOf(type: string): string {
  return type.replace(/\(.*?\)/, '').replace(/(\[\])+$/, '');
}

function shapeOf(type: string): Shape | undefined {
  const shape = SHAPES[nameOf(type)];
  // Arrays are PostgreSQL's own literal in the ORM's snapshots (`{a,"b c"}`), whatever their elements are.
  return shape && type.endsWith('[]') ? 'text' : shape;
}

const asText: Conversion = { write: (value) => JSON.stringify(String(value)), read: (text) => JSON.parse(text) };

const CONVERSIONS: Readonly<Record<Shape, (type: string, options: ColumnValueOptions) => Conversion>> = {
  integer: () => ({ write: wholeText, read: (text) => Number(unquoted(text)) }),
  // The text of the number itself: no double comes near it.
  bigint: () => ({ write: wholeText, read: unquoted }),
  float: () => ({ write: floatText, read: (text) => Number(text.startsWith('"') ? JSON.parse(text) : text) }),
  boolean: () => ({
    write: (value) => (typeof value === 'boolean' ? String(value) : JSON.stringify(String(value))),
    read: (text) => unquoted(text) === 'true',
  }),
  decimal: (type) => ({ write: (value) => decimalOf(value, type), read: asText.read }),
  text: () => asText,
  uuid: () => ({ write: (value) => JSON.stringify(uuidText(value)), read: asText.read }),
  instant: (type) => ({
    write: (value) => JSON.stringify(rounded(new Date(value as Date), type).toISOString()),
    read: (text) => new Date(JSON.parse(text) as string),
  }),
  timestamp: (type, { timestampsInUtc }) => ({
    write: (value) => JSON.stringify(wallTime(rounded(new Date(value as Date), type), timestampsInUtc)),
    // JavaScript reads a time without zone as local time.
    read: (text) => new Date(`${JSON.parse(text) as string}${timestampsInUtc ? 'Z' : ''}`),
  }),
  // The snapshot holds the JSON as text; the driver answers it parsed.
  json: () => ({
    write: (value) => JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value)),
    read: (text) => JSON.parse(JSON.parse(text) as string) as unknown,
  }),
  bytes: () => ({
    write: (value) => JSON.stringify(`\\x${Buffer.from(value as Uint8Array).toString('hex')}`),
    read: (text) => Buffer.from((JSON.parse(text) as string).slice(2), 'hex'),
  }),
};

/**
 * What is no whole number travels as a JSON text, which PostgreSQL then refuses to read as one. Were it put into the JSON as it is, it could end its own value and go on with those of
 * other columns and rows.
 */
function wholeText(value: unknown): JsonText {
  const text = String(value);
  return /^-?(?:0|[1-9]\d*)$/.test(text) ? text : JSON.stringify(text);
}

function unquoted(text: JsonText): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** As PostgreSQL would answer it: a reader before the flush must not see other digits than one after it. */
function decimalOf(value: unknown, type: string): JsonText {
  const text = String(value);
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(type)?.[1];
  const isPlain = /^-?\d+(?:\.\d+)?$/.test(text);
  return JSON.stringify(
    scale !== undefined && isPlain ? decimalText(unitsOf(text, Number(scale)), Number(scale)) : text,
  );
}

function floatText(value: unknown): JsonText {
  const number = Number(value);
  if (Object.is(number, -0)) return '-0';
  return Number.isFinite(number) ? String(number) : `"${number}"`;
}

/** PostgreSQL counts time from 2000-01-01, and rounds halves away from there. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

/** A column of fewer digits than milliseconds rounds; a reader before the flush must not see more than one after it. */
function rounded(date: Date, type: string): Date {
  const digits = Number(/\((\d)\)/.exec(type)?.[1] ?? 3);
  const step = 10 ** Math.max(0, 3 - digits);
  if (step === 1) return date;
  const sinceEpoch = date.getTime() - POSTGRES_EPOCH_MS;
  return new Date(POSTGRES_EPOCH_MS + Math.sign(sinceEpoch) * Math.round(Math.abs(sinceEpoch) / step) * step);
}

function wallTime(date: Date, utc: boolean): string {
  const shifted = utc ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, -1);
}
