import { CONFLICT } from '../change/record.js';
import type { VersionText } from '../change/change.js';
import type { Pending } from '../staging/look-side.js';

/**
 * True if the row is known to have a newer version than its copy: an older pending change was based on it, or it was
 * written. Another program may have written the row past Spillway, and a query may have read it then.
 *
 * @example
 * A copy has version 6. A program makes it 7 by SQL, a query reads 7, and 7 -> 8 is staged. The columns of 6 must not
 * be shown under version 8.
 */
export function isOutdated({ recent, inFlight, dirty }: Pending, version: VersionText | undefined): boolean {
  const base = inFlight?.record.base ?? dirty?.base;
  // A row that was deleted, and is there again, counts its versions from the beginning.
  const written = recent?.deleted === true ? undefined : recent?.version;
  return [written, base].some(
    (known) => known !== undefined && known !== CONFLICT && (version === undefined || BigInt(known) > BigInt(version)),
  );
}
