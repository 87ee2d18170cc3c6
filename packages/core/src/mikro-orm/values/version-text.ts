import type { VersionText } from '../../change/change.js';

export type VersionKind = 'integer' | 'date';

/**
 * The version of an entity or of a driver's row as text; `undefined` if it was not loaded, or is a value that no
 * version column has.
 */
export function versionText(value: unknown, kind: VersionKind): VersionText | undefined {
  if (value === null || value === undefined) return undefined;
  return kind === 'integer' ? wholeText(value) : momentText(value);
}

function wholeText(value: unknown): VersionText | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? String(BigInt(value)) : undefined;
  const isWhole = typeof value === 'string' ? /^-?\d{1,19}$/.test(value) : typeof value === 'bigint';
  const number = isWhole ? BigInt(value as string | bigint) : undefined;
  return number !== undefined && BigInt.asIntN(64, number) === number ? String(number) : undefined;
}

function momentText(value: unknown): VersionText | undefined {
  const isMoment = value instanceof Date || typeof value === 'number' || (typeof value === 'string' && DAY.test(value));
  const ms = isMoment ? new Date(value).getTime() : Number.NaN;
  return Number.isNaN(ms) ? undefined : String(ms);
}

const DAY = /^[+-]?\d{4,6}-\d\d-\d\d/;

export function versionWord(kind: VersionKind): string {
  return kind === 'date' ? 'moment' : 'whole number';
}

/** The version after this one: one more; for dates it is now, but always later than the one before. */
export function nextVersion(current: VersionText | undefined, kind: VersionKind, nowMs: number): VersionText {
  const next = current === undefined ? 1n : BigInt(current) + 1n;
  return String(kind === 'integer' || next > BigInt(nowMs) ? next : nowMs);
}

/** The value that the driver would answer: MikroORM hydrates the entity from it. */
export function versionValue(version: VersionText, kind: VersionKind): number | Date {
  return kind === 'integer' ? Number(version) : new Date(Number(version));
}
