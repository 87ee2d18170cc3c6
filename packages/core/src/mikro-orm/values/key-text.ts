import { decimalText, exactUnitsOf, unitsOf } from './counter-delta.js';
import { lengthOf } from './column-type.js';

/** The one text that a value of a key has, if the column can have it. */
interface KeyName {
  readonly text: string;
  /**
   * True if a row has this very value: a column that rounds takes values that it never holds, and no condition finds
   * them.
   */
  readonly isExact: boolean;
}

/**
 * Turns a primary key in database form into its canonical text; `undefined` for a value that the column cannot have.
 */
export type KeyText = (value: unknown) => KeyName | undefined;

/** Column types a primary key may have, and the one text that each of their values has. */
const TEXTS: Readonly<Record<string, (type: string) => (value: unknown) => string | undefined>> = {
  smallint: () => wholeNumber(16),
  integer: () => wholeNumber(32),
  bigint: () => wholeNumber(64),
  uuid: () => (value) => (typeof value === 'string' ? knownUuid(value) : undefined),
  text: plainText,
  varchar: plainText,
  bytea: () => hexText,
  date: () => dayText,
};

/**
 * The canonical text of keys in a column of this type; `undefined` for types whose equal values have several texts.
 * Decimals have one text if all of them have the same number of digits. Moments have one if JavaScript holds them
 * whole, which it does up to milliseconds.
 *
 * @param momentName the name of a `Date`, for properties of that type
 */
export function keyText(type: string, momentName?: KeyText): KeyText | undefined {
  if (momentName) return /^timestamp(tz)?\([0-3]\)$/.test(type) ? momentName : undefined;
  const decimal = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type);
  if (decimal) return decimalName(Number(decimal[1]), Number(decimal[2] ?? 0));
  const textOf = TEXTS[type.replace(/\(.*\)$/, '')]?.(type);
  if (!textOf) return undefined;
  return (value) => {
    const text = textOf(value);
    return text === undefined ? undefined : { text, isExact: true };
  };
}

function decimalName(precision: number, scale: number): KeyText {
  return (value) => {
    const units = unitsOf(value, scale);
    if (units === undefined || String(units).replace('-', '').length > precision) return undefined;
    return { text: decimalText(units, scale), isExact: exactUnitsOf(value, scale) !== undefined };
  };
}

/**
 * PostgreSQL reads a text that begins with a year of four digits in one way only, and shows its month and day with two
 * digits each.
 */
function dayText(value: unknown): string | undefined {
  const [, year = '', month = '', day = ''] =
    (typeof value === 'string' && /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(value)) || [];
  const shown = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  const date = new Date(`${shown}T00:00:00Z`);
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(shown) && year !== '0000';
  return isReal ? shown : undefined;
}

function hexText(value: unknown): string | undefined {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : undefined;
}

/** The whole numbers of so many bits, as PostgreSQL reads them: neither `''` nor `'0x10'` nor `7.5`. */
function wholeNumber(bits: number): (value: unknown) => string | undefined {
  return (value) => {
    const number = wholeOf(value);
    return number !== undefined && BigInt.asIntN(bits, number) === number ? String(number) : undefined;
  };
}

function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value) ? BigInt(value.replace('+', '')) : undefined;
}

/** Half a surrogate pair becomes the character that the driver sends for it. */
function plainText(type: string): (value: unknown) => string | undefined {
  const length = lengthOf(type) ?? Infinity;
  return (value) => {
    if (typeof value !== 'string' || value.includes('\0')) return undefined;
    return value.length <= length || Array.from(value).length <= length ? value.toWellFormed() : undefined;
  };
}

/**
 * PostgreSQL reads a UUID in any case, in braces, and with a hyphen after any four digits or none, but answers in one
 * form. A staged UUID must look the same, or one row would have two keys.
 */
export function uuidText(value: unknown): string {
  const text = String(value).toLowerCase();
  return knownUuid(text) ?? text;
}

/** The form in which PostgreSQL answers a UUID; `undefined` for a text that is no UUID. */
export function knownUuid(value: string): string | undefined {
  const digits = /^(\{?)([0-9a-f]{4}(?:-?[0-9a-f]{4}){7})(\}?)$/.exec(value.toLowerCase());
  if (!digits?.[2] || (digits[1] === '') !== (digits[3] === '')) return undefined;
  return digits[2].replaceAll('-', '').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
