import type { Conversion } from './conversion.js';
import { isoText, momentText, readWallTime, wallTime, type DateOptions } from './moment-text.js';
import { opaqueValue } from './opaque-value.js';

/**
 * Columns of properties that are a `Date`. An endless moment is the number `Infinity` to the driver and to MikroORM,
 * and 'infinity' to PostgreSQL. Other column types (`date`) keep only a part of the moment, which PostgreSQL chooses.
 */
export function dateValue(type: string, options: DateOptions): Conversion | undefined {
  const [name] = type.split('(');
  if (name === 'timestamptz') {
    return moments(
      type,
      (date) => momentText(date.toISOString()),
      (text) => new Date(/(?:Z|[+-]\d\d(?::\d\d)?)(?: BC)?$/.test(text.slice(10)) ? isoText(text) : Number.NaN),
    );
  }
  if (name === 'date') return opaqueValue(type, options);
  if (name !== 'timestamp') return undefined;
  const { timestampsInUtc: utc } = options;
  return moments(
    type,
    (date) => wallTime(date, utc),
    (text) => readWallTime(text, utc),
  );
}

function moments(type: string, write: (date: Date) => string, read: (text: string) => Date): Conversion {
  const written = (date: Date): string => write(rounded(date, type));
  return {
    takes: (value) => {
      if (value instanceof Date) return !Number.isNaN(value.getTime());
      if (typeof value === 'string') return SHOWN.test(value) && !Number.isNaN(read(value).getTime());
      return value === Infinity || value === -Infinity;
    },
    write: (value) => JSON.stringify(momentOf(value, written, read)),
    read: (text) => {
      const shown = JSON.parse(text) as string;
      return ENDLESS[shown] ?? read(shown);
    },
    // PostgreSQL reads a text of the application's own, in more ways than are known here.
    isExact: (text) => {
      const shown = JSON.parse(text) as string;
      const date = read(shown);
      return shown in ENDLESS || (!Number.isNaN(date.getTime()) && written(date) === shown);
    },
  };
}

/**
 * A text in the driver's form is a moment too (keys are read from its rows). Other texts, and digits that a `Date`
 * cannot hold, are left to PostgreSQL.
 */
function momentOf(value: unknown, written: (date: Date) => string, read: (text: string) => Date): string {
  if (typeof value === 'string') {
    const date = SHOWN.test(value) ? read(value) : new Date(Number.NaN);
    return Number.isNaN(date.getTime()) ? value.toWellFormed() : written(date);
  }
  return value === Infinity || value === -Infinity ? String(value).toLowerCase() : written(new Date(value as Date));
}

const SHOWN = /^\d{4,6}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d(?::\d\d)?)?(?: BC)?$/;

const ENDLESS: Readonly<Record<string, number>> = { infinity: Infinity, '-infinity': -Infinity };

/** PostgreSQL counts time from 2000-01-01, and rounds halves away from there. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

/**
 * A column of fewer digits than milliseconds rounds. A reader must see the same moment before the flush and after it.
 */
function rounded(date: Date, type: string): Date {
  const digits = Number(/\((\d)\)/.exec(type)?.[1] ?? 3);
  const step = 10 ** Math.max(0, 3 - digits);
  if (step === 1) return date;
  const sinceEpoch = date.getTime() - POSTGRES_EPOCH_MS;
  return new Date(POSTGRES_EPOCH_MS + Math.sign(sinceEpoch) * Math.round(Math.abs(sinceEpoch) / step) * step);
}
