import type { WallTime } from './version-format.js';

/** The process's own zone, in which `pg`, and MikroORM without `forceUtcTimezone`, write a `timestamp`. */
export const localWallTime: WallTime = {
  format(ms) {
    const date = new Date(ms);
    return text([
      date.getFullYear(),
      date.getMonth() + 1,
      date.getDate(),
      date.getHours(),
      date.getMinutes(),
      date.getSeconds(),
      date.getMilliseconds(),
    ]);
  },
  parse(shown) {
    const [year, month, day, hour, minute, second, milli] = numbers(shown);
    return new Date(year, month - 1, day, hour, minute, second, milli).getTime();
  },
};

/** MikroORM with `forceUtcTimezone`. */
export const utcWallTime: WallTime = {
  format: (ms) => new Date(ms).toISOString().replace('T', ' ').replace('Z', ''),
  parse(shown) {
    const [year, month, day, hour, minute, second, milli] = numbers(shown);
    return Date.UTC(year, month - 1, day, hour, minute, second, milli);
  },
};

type Parts = [year: number, month: number, day: number, hour: number, minute: number, second: number, milli: number];

function text([year, month, day, hour, minute, second, milli]: Parts): string {
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)} ${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(milli, 3)}`;
}

function pad(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

function numbers(shown: string): Parts {
  const parts = shown.split(/\D+/).map(Number);
  if (parts.length !== 7 || parts.some(Number.isNaN)) throw new RangeError(`Not a wall time: ${shown}`);
  return parts as Parts;
}
