/**
 * The difference between two values of a counter in units of its column's scale, exact; `undefined` if one of them is unknown or null, when there is no difference
 * and the new value has to be assigned.
 */
export function counterDelta(loaded: unknown, current: unknown, scale: number): string | undefined {
  if (loaded === null || loaded === undefined || current === null || current === undefined) return undefined;
  return String(unitsOf(current, scale) - unitsOf(loaded, scale));
}

/**
 * `1.25` at scale 2 is 125 units. Digits beyond the scale are rounded half away from zero, as PostgreSQL does when it stores them.
 * @throws RangeError for what is no decimal number.
 */
export function unitsOf(value: unknown, scale: number): bigint {
  const match = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<digits>\d*))?(?:e(?<exponent>[+-]?\d+))?$/i.exec(
    String(value).trim(),
  );
  const { sign = '', whole = '', digits = '', exponent = '0' } = match?.groups ?? {};
  if (whole + digits === '') throw new RangeError(`Not a decimal number: ${String(value)}`);
  const shift = scale - digits.length + Number(exponent);
  const all = BigInt(whole + digits);
  const units =
    shift >= 0 ? all * 10n ** BigInt(shift) : (all + 5n * 10n ** BigInt(-shift - 1)) / 10n ** BigInt(-shift);
  return sign === '-' ? -units : units;
}

/** 125 units at scale 2 are `1.25`. */
export function decimalText(units: bigint, scale: number): string {
  if (scale === 0) return String(units);
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
