import type { JsonText } from '../../change/change.js';
import type { Conversion } from './conversion.js';
import { lengthOf, nameOf, scaleOf } from './column-type.js';
import { decimalText, unitsOf } from './counter-delta.js';
import { uuidText } from './key-text.js';

/** Types of which Spillway knows what PostgreSQL will answer for (most of) what is written, so that it can be read while it is pending. */
export function plainValue(type: string): Conversion | undefined {
  return CONVERSIONS[nameOf(type)]?.(type);
}

const always = (): boolean => true;

const integers: Conversion = {
  write: wholeText,
  read: (text) => Number(unquoted(text)),
  isExact: (text) => isWhole(unquoted(text)),
};

const floats = (isExact: Conversion['isExact']): Conversion => ({
  write: floatText,
  read: (text) => Number(unquoted(text)),
  isExact,
});

function texts(isExact: (text: string) => boolean): Conversion {
  return {
    write: (value) => JSON.stringify(String(value).toWellFormed()),
    read: (text) => JSON.parse(text) as unknown,
    isExact: (text) => isExact(JSON.parse(text) as string),
  };
}

const json: Conversion = {
  // The snapshot holds the JSON as text; the driver answers it parsed.
  write: (value) => JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value)),
  read: (text) => JSON.parse(JSON.parse(text) as string) as unknown,
  isExact: always,
};

const CONVERSIONS: Readonly<Record<string, (type: string) => Conversion>> = {
  smallint: () => integers,
  integer: () => integers,
  // The text of the number itself: no double comes near it.
  bigint: () => ({ ...integers, read: unquoted }),
  'double precision': () => floats(always),
  // Four bytes hold six digits of any number; of more, only PostgreSQL knows what is left.
  real: () =>
    floats((text) => !/\d/.test(text) || Number(unquoted(text)) === Number(Number(unquoted(text)).toPrecision(6))),
  boolean: () => ({
    write: (value) => (typeof value === 'boolean' ? String(value) : JSON.stringify(String(value))),
    read: (text) => unquoted(text) === 'true',
    isExact: (text) => /^(true|false)$/.test(unquoted(text)),
  }),
  numeric: (type) => ({
    ...texts((text) => PLAIN_DECIMAL.test(text) && !/^-[0.]*$/.test(text) && (scaleOf(type) ?? 0) >= 0),
    write: (value) => decimalOf(value, type),
  }),
  text: () => texts(always),
  citext: () => texts(always),
  varchar: (type) => texts((text) => codePoints(text) <= (lengthOf(type) ?? Infinity)),
  // Shorter ones are filled up with blanks.
  char: (type) => texts((text) => codePoints(text) === lengthOf(type)),
  uuid: () => ({
    ...texts((text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)),
    write: (value) => JSON.stringify(uuidText(value)),
  }),
  date: () => texts((text) => /^\d{4}-\d\d-\d\d$/.test(text) && !text.startsWith('0000')),
  time: () => texts((text) => /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/.test(text)),
  json: () => json,
  jsonb: () => json,
  bytea: () => ({
    write: (value) => JSON.stringify(`\\x${Buffer.from(value as Uint8Array).toString('hex')}`),
    read: (text) => Buffer.from((JSON.parse(text) as string).slice(2), 'hex'),
    isExact: always,
  }),
};

export const PLAIN_TYPES: readonly string[] = Object.keys(CONVERSIONS);

const PLAIN_DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

function isWhole(text: string): boolean {
  return /^(?:0|-?[1-9]\d*)$/.test(text);
}

/**
 * What is no whole number travels as a JSON text, which PostgreSQL then refuses to read as one. Were it put into the JSON as it is, it could end its own value and go on with those of
 * other columns and rows. A number with digits after the point is rounded, as a numeric literal is when it is stored.
 */
function wholeText(value: unknown): JsonText {
  const text = typeof value === 'number' && Number.isFinite(value) ? decimalText(unitsOf(value, 0), 0) : String(value);
  return isWhole(text) ? text : JSON.stringify(text);
}

function unquoted(text: JsonText): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** As PostgreSQL would answer it: a reader before the flush must not see other digits than one after it. */
function decimalOf(value: unknown, type: string): JsonText {
  const text = String(value);
  const scale = scaleOf(type) ?? -1;
  const isPlain = /^-?\d+(?:\.\d+)?$/.test(text);
  return JSON.stringify(scale >= 0 && isPlain ? decimalText(unitsOf(text, scale), scale) : text);
}

function floatText(value: unknown): JsonText {
  const number = Number(value);
  if (Object.is(number, -0)) return '-0';
  return Number.isFinite(number) ? String(number) : `"${number}"`;
}

/** What PostgreSQL counts as characters. */
function codePoints(text: string): number {
  return Array.from(text).length;
}
