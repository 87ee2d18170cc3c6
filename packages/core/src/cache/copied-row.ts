import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import { isOutdated } from './copy-age.js';
import { isTakenForWritten, pendingRecord } from '../read/overlay.js';
import type { CopyRead } from './read-through.js';
import type { Pending } from '../staging/look-side.js';
import type { CopyFound } from '../staging/row-cache.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { decodeRow } from './cached-row.js';
import { isExact } from '../mikro-orm/read/exact-overlay.js';
import { asLaid } from '../mikro-orm/read/laid-rows.js';
import { layOver, rowVersion, type DriverRow } from '../mikro-orm/read/row-overlay.js';

const UNKNOWN = { kind: 'unknown' } as const;
const OLD = { kind: 'old' } as const;

/**
 * The row of a copy, with everything that was written of it since, and everything that is pending. A copy never
 * contains what is pending, so pending changes are laid over it whatever the versions say.
 */
export function readCopy(
  type: WriteBehindType,
  key: RowKey,
  { bytes, carried, pending }: CopyFound,
): CopyRead<DriverRow> {
  const copied = decodeRow(type, bytes);
  if (copied === undefined) return UNKNOWN;
  const row = withCarried(type, key, copied, carried);
  if (row === undefined) return OLD;
  return pending === undefined ? { kind: 'row', row } : withPending(type, key, row, pending);
}

/** `undefined`: it is not known exactly what PostgreSQL has made of the records. */
function withCarried(
  type: WriteBehindType,
  key: RowKey,
  copied: DriverRow,
  carried: readonly StagedRecord[],
): DriverRow | undefined {
  let row: DriverRow | undefined = copied;
  for (const record of carried) {
    if (row === undefined || !isKnownAfter(type, row, record)) return undefined;
    row = layOver(type, record, row, key);
  }
  return row;
}

/**
 * True if the row is exactly the record laid over it, once PostgreSQL has written the record: it has added to counters
 * alone, has compared the version, or had nothing to compare. What a conflict has written instead, and which of two
 * moments of `onUpdate` has won, stands in no record.
 */
function isKnownAfter(type: WriteBehindType, row: DriverRow, record: StagedRecord): boolean {
  if (!canBeLaid(type, record) || type.meta.hasTriggers) return false;
  const names = Object.keys(record.values);
  // A property that this release does not have may have a column that it has.
  if (![...names, ...Object.keys(record.deltas)].every((name) => type.values.has(name))) return false;
  if (record.kind === 'increment') return names.length === 0;
  if (type.version === undefined || type.table.detect !== 'version' || record.version === undefined) return false;
  const before = rowVersion(type, row);
  if (record.base !== undefined) return record.base === before;
  // A patch carries the version that PostgreSQL has given the row: one more, unless somebody has written in between.
  return before !== undefined && BigInt(record.version) === BigInt(before) + 1n;
}

function withPending(type: WriteBehindType, key: RowKey, row: DriverRow, pending: Pending): CopyRead<DriverRow> {
  const version = rowVersion(type, row);
  if (type.version && isOutdated(pending, version)) return OLD;
  const record = pendingRecord(pending);
  if (record === undefined) return pending.inFlight ? UNKNOWN : { kind: 'row', row };
  // Only PostgreSQL can tell whether a record is in the row if the staging store has lost data; and one of which the
  // row has the version already may be such a record.
  if (record.doubtful || isTakenForWritten(record, version) || !canBeLaid(type, record)) return UNKNOWN;
  return { kind: 'row', row: asLaid(layOver(type, record, row, key)) };
}

function canBeLaid(type: WriteBehindType, record: StagedRecord): boolean {
  return type.lookups === 'overlay' && isExact(type, record);
}
