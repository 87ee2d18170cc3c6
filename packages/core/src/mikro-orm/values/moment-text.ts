export interface DateOptions {
  /** `timestamp` columns hold UTC (MikroORM's default) or the process's local time. */
  readonly timestampsInUtc: boolean;
}

/** The literal that MikroORM writes for a `Date`. */
export function dateText(date: Date, { timestampsInUtc }: DateOptions): string {
  return timestampsInUtc ? momentText(date.toISOString()) : wallTime(date, false);
}

/** The time that the clock of a place shows, without the place. */
export function wallTime(date: Date, utc: boolean): string {
  return momentText((utc ? date : localAsUtc(date)).toISOString()).replace('Z', '');
}

/** By its parts: before the zones of today, places had offsets that are no whole minutes. */
function localAsUtc(date: Date): Date {
  const shifted = new Date(0);
  shifted.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate());
  shifted.setUTCHours(date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds());
  return shifted;
}

/** JavaScript reads a time without zone as local time. */
export function readWallTime(text: string, utc: boolean): Date {
  return new Date(`${isoText(text)}${utc ? 'Z' : ''}`);
}

/**
 * JavaScript's years of more or less than four digits as PostgreSQL writes them: `-000043` is 44 BC, `+010000` is
 * 10000.
 */
export function momentText(iso: string): string {
  const [, sign, year = '', rest = ''] = /^([+-])(\d{6})(.*)$/.exec(iso) ?? [];
  if (sign === undefined) return iso.startsWith('0000') ? `0001${iso.slice(4)} BC` : iso;
  if (sign === '+') return `${Number(year)}${rest}`;
  return `${String(Number(year) + 1).padStart(4, '0')}${rest} BC`;
}

/** And back, from what `momentText` wrote or PostgreSQL shows (`0044-03-15 12:00:00+00 BC`). */
export function isoText(text: string): string {
  const [, year = '', rest = '', bc] = /^(\d{4,6})(.*?)( BC)?$/.exec(text) ?? [];
  const counted = bc === undefined ? Number(year) : 1 - Number(year);
  const time = rest.replace(' ', 'T').replace(/([+-]\d\d)$/, (zone) => (rest.includes(':') ? `${zone}:00` : zone));
  return counted >= 0 && counted <= 9999
    ? String(counted).padStart(4, '0') + time
    : (counted < 0 ? '-' : '+') + String(Math.abs(counted)).padStart(6, '0') + time;
}
