import type { VersionText } from './change.js';

/** The largest version that PostgreSQL's `bigint` holds. */
const LARGEST: VersionText = '9223372036854775807';

/**
 * Versions are decimal texts without leading zeros: the longer one is larger, and texts of one length compare as text.
 */
export function compareVersions(left: VersionText, right: VersionText): number {
  if (left.length !== right.length) return left.length - right.length;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** The largest of those that are given. */
export function newestVersion(left: VersionText | undefined, right: VersionText | undefined): VersionText | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return compareVersions(left, right) < 0 ? right : left;
}

/**
 * `version` if it is above the known one, otherwise the next after the known one: a row's version never stands still.
 * `undefined`: there is no next.
 */
export function versionAbove(version: VersionText, known: VersionText | undefined): VersionText | undefined {
  if (known === undefined || compareVersions(version, known) > 0) return version;
  return nextVersion(known);
}

/** `undefined`: the version is the largest that there is. */
export function nextVersion(version: VersionText): VersionText | undefined {
  return compareVersions(version, LARGEST) >= 0 ? undefined : String(BigInt(version) + 1n);
}
