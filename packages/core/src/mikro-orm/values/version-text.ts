import type { VersionText } from '../../change/change.js';

export type VersionKind = 'integer' | 'date';

/** The version of an entity or of a driver's row as text; `undefined` where it was not loaded. */
export function versionText(value: unknown, kind: VersionKind): VersionText | undefined {
  if (value === null || value === undefined) return undefined;
  if (kind === 'integer') return BigInt(value as string | number | bigint).toString();
  return String(new Date(value as string | number | Date).getTime());
}

/** The version after this one: one more, or, for dates, now, but always later than the one before. */
export function nextVersion(current: VersionText | undefined, kind: VersionKind, nowMs: number): VersionText {
  const next = current === undefined ? 1n : BigInt(current) + 1n;
  return String(kind === 'integer' || next > BigInt(nowMs) ? next : nowMs);
}

/** As the driver would answer it: MikroORM hydrates the entity from this. */
export function versionValue(version: VersionText, kind: VersionKind): number | Date {
  return kind === 'integer' ? Number(version) : new Date(Number(version));
}
