import { decimalText, unitsOf } from './counter-delta.js';

/** Turns a primary key in database form into its canonical text. */
export type KeyText = (value: unknown) => string;

/** Column types a primary key may have, and the one text that each of their values has. */
const TEXTS: Readonly<Record<string, KeyText>> = {
  smallint: wholeNumber,
  integer: wholeNumber,
  bigint: wholeNumber,
  uuid: uuidText,
  text: String,
  varchar: String,
  bytea: hexText,
};

/**
 * The canonical text of keys in a column of this type; `undefined` for types whose equal values have several texts. Decimals have one if all of them have the same number of digits, and
 * moments if JavaScript holds them whole, which it does up to milliseconds.
 *
 * @param momentText the text of a `Date`, for properties of that type
 */
export function keyText(type: string, momentText?: KeyText): KeyText | undefined {
  if (momentText) return /^timestamp(tz)?\([0-3]\)$/.test(type) ? momentText : undefined;
  const scale = /^numeric\(\d+(?:,(\d+))?\)$/.exec(type);
  if (scale) return (value) => decimalText(unitsOf(value, Number(scale[1] ?? 0)), Number(scale[1] ?? 0));
  return TEXTS[type.replace(/\(.*\)$/, '')];
}

function hexText(value: unknown): string {
  return `\\x${Buffer.from(value as Uint8Array).toString('hex')}`;
}

function wholeNumber(value: unknown): string {
  return BigInt(value as string | number | bigint).toString();
}

/**
 * PostgreSQL reads a UUID in any case, in braces, and with a hyphen after any four digits or none; it answers in one form, and a staged one must look the same, or one row would have
 * two keys.
 */
export function uuidText(value: unknown): string {
  const text = String(value).toLowerCase();
  const digits = /^(\{?)([0-9a-f]{4}(?:-?[0-9a-f]{4}){7})(\}?)$/.exec(text);
  if (!digits?.[2] || (digits[1] === '') !== (digits[3] === '')) return text;
  return digits[2].replaceAll('-', '').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
