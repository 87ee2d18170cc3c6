/** Column types a primary key may have, and the one text that each of their values has. */
const TEXTS: Readonly<Record<string, (value: unknown) => string>> = {
  smallint: wholeNumber,
  integer: wholeNumber,
  bigint: wholeNumber,
  uuid: (value) => String(value).toLowerCase(),
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
