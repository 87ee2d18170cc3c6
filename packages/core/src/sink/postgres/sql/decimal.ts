/**
 * A whole number of units as exact decimal text: `('125', 2)` is `1.25`. PostgreSQL reads it as `numeric`; no double is
 * involved.
 */
export function unitsToDecimal(units: string, scale: number): string {
  if (scale === 0) return units;
  const sign = units.startsWith('-') ? '-' : '';
  const digits = units.slice(sign.length).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
