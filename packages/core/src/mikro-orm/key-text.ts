/** Column types a primary key may have, and the one text that each of their values has. */
const TEXTS: Readonly<Record<string, (value: unknown) => string>> = {
  smallint: wholeNumber,
  integer: wholeNumber,
  bigint: wholeNumber,
  uuid: uuidText,
  text: String,
  varchar: String,
};

/** Turns a primary key in database form into its canonical text, for a column of this type; `undefined` for types whose equal values have several texts. */
export function keyText(type: string): ((value: unknown) => string) | undefined {
  return TEXTS[type.replace(/\(.*\)$/, '')];
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
