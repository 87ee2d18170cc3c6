/**
 * PostgreSQL declares numbers of at most 1,000 digits. A column of such a type cannot hold a longer one, and powers of
 * ten take their time.
 */
const MOST_DIGITS = 1_000;
const MOST_BITS = 4_096;
/** With sign, point and exponent. */
const LONGEST = MOST_DIGITS + 10;

/** A plain decimal and its digits. */
const DECIMAL = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<digits>\d*))?(?:e(?<exponent>[+-]?\d{1,4}))?$/i;

/**
 * The difference between two values of a counter in units of its column's scale, exact. `undefined` if the difference
 * is not certain: one of the values is unknown, null or no number of this column, or the difference leaves int64. The
 * new value then has to be assigned.
 */
export function counterDelta(
  loaded: unknown,
  current: unknown,
  { scale, column }: { readonly scale: number; readonly column: { takes(value: unknown): boolean } | undefined },
): string | undefined {
  if (loaded === null || current === null || !column?.takes(current)) return undefined;
  const [from, to] = [unitsOf(loaded, scale), unitsOf(current, scale)];
  if (from === undefined || to === undefined) return undefined;
  return BigInt.asIntN(64, to - from) === to - from ? String(to - from) : undefined;
}

/**
 * `1.25` at scale 2 is 125 units. Digits beyond the scale are rounded half away from zero, as PostgreSQL does when it
 * stores them. `undefined` for a value that is no decimal number, or has more digits than a column can be declared
 * with: `1e20000000` takes seconds to be written out.
 */
export function unitsOf(value: unknown, scale: number): bigint | undefined {
  if (isPlainNumber(value, scale)) return BigInt(value) * powerOfTen(scale);
  const read = readDecimal(value, scale);
  if (read === undefined) return undefined;
  const { isNegative, digits, shift } = read;
  const all = BigInt(digits);
  const units = shift >= 0 ? all * powerOfTen(shift) : (all + 5n * powerOfTen(-shift - 1)) / powerOfTen(-shift);
  return isNegative ? -units : units;
}

/** The same for a value whose digits beyond the scale are all zeros; `undefined` for any other. */
export function exactUnitsOf(value: unknown, scale: number): bigint | undefined {
  const { digits = '', shift = 0 } = isPlainNumber(value, scale) ? {} : (readDecimal(value, scale) ?? {});
  // A negative shift is the number of digits beyond the scale.
  return shift < 0 && /[1-9]/.test(digits.slice(shift)) ? undefined : unitsOf(value, scale);
}

/** Most values are: no text has to be read, and nothing of it can stand beyond the scale. */
function isPlainNumber(value: unknown, scale: number): value is number {
  return Number.isSafeInteger(value) && scale >= 0;
}

/** A plain decimal: its digits as one whole number, and the power of ten that makes units of it. */
interface ReadDecimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly shift: number;
}

function readDecimal(value: unknown, scale: number): ReadDecimal | undefined {
  const { sign = '', whole = '', digits = '', exponent = '0' } = DECIMAL.exec(numberText(value) ?? '')?.groups ?? {};
  const shift = scale - digits.length + Number(exponent);
  if (whole + digits === '' || Math.abs(shift) > 2 * MOST_DIGITS) return undefined;
  return { isNegative: sign === '-', digits: whole + digits, shift };
}

function powerOfTen(exponent: number): bigint {
  return exponent === 0 ? 1n : 10n ** BigInt(exponent);
}

/** 125 units at scale 2 are `1.25`. */
export function decimalText(units: bigint, scale: number): string {
  if (scale === 0) return String(units);
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Texts are checked before they are read: digits and exponent have a bound. */
function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'bigint') return BigInt.asIntN(MOST_BITS, value) === value ? String(value) : undefined;
  return typeof value === 'string' && value.length <= LONGEST ? value : undefined;
}
