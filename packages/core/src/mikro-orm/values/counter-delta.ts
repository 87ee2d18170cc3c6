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
  const { sign = '', whole = '', digits = '', exponent = '0' } = DECIMAL.exec(numberText(value) ?? '')?.groups ?? {};
  const shift = scale - digits.length + Number(exponent);
  if (whole + digits === '' || Math.abs(shift) > 2 * MOST_DIGITS) return undefined;
  const all = BigInt(whole + digits);
  const units =
    shift >= 0 ? all * 10n ** BigInt(shift) : (all + 5n * 10n ** BigInt(-shift - 1)) / 10n ** BigInt(-shift);
  return sign === '-' ? -units : units;
}

/** The same for a value whose digits beyond the scale are all zeros; `undefined` for any other. */
export function exactUnitsOf(value: unknown, scale: number): bigint | undefined {
  const units = unitsOf(value, scale);
  return units !== undefined && unitsOf(value, MOST_DIGITS) === units * 10n ** BigInt(MOST_DIGITS - scale)
    ? units
    : undefined;
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
