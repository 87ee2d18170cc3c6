import { isUtf8 } from 'node:buffer';
import { decodeLayers, decodePlain, decodeRecord, UnreadableRecord } from '../../change/record-codec.js';
import type { RecentWrite } from '../../change/coalesce-change.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import { rowKey, text, type Reply } from './connection.js';
import type { AddedRecord, Batch, Extension } from '../flush-side.js';
import type { Pending } from '../look-side.js';

export function batch(shard: number, reply: Reply): Batch {
  const records = new Map<RowKey, StagedRecord>();
  const unreadable = new Map<RowKey, string>();
  for (let index = 6; index < reply.length; index += 2) {
    const key = rowKey(reply[index]);
    try {
      const record = decodeRecord(reply[index + 1] as Buffer);
      if (isText(reply[index])) records.set(key, record);
      else unreadable.set(key, 'Unreadable record: its row key is not UTF-8');
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      unreadable.set(key, error.message);
    }
  }
  return {
    shard,
    token: text(reply[1]),
    predecessor: text(reply[2]),
    attempts: Number(reply[3]),
    claimedAtMs: Number(reply[4]),
    records,
    unreadable,
    added: partsIn(reply[5]),
  };
}

/** Decoding changes a key that is not UTF-8: the record would be written to another row, and settled for that row. */
function isText(key: unknown): boolean {
  return key instanceof Buffer && isUtf8(key);
}

/**
 * Row key -> the last part of the batch in which records were added to it. Empty if the parts cannot be read: no record
 * is added to such a batch, and it ends as in `acknowledge.lua`.
 */
function partsIn(packed: unknown): ReadonlyMap<RowKey, number> {
  const parts = new Map<RowKey, number>();
  if (!(packed instanceof Buffer) || packed.length === 0) return parts;
  const list = plainOr(packed, []);
  for (const [index, part] of (Array.isArray(list) ? list : []).entries())
    for (let at = 0; Array.isArray(part) && at < part.length; at += 3) parts.set(rowKey(part[at]), index + 1);
  return parts;
}

/** A value that is no record, or something in its place if it cannot be read. */
export function plainOr(bytes: Buffer, otherwise: unknown): unknown {
  try {
    return decodePlain(bytes);
  } catch (error) {
    if (error instanceof UnreadableRecord) return otherwise;
    throw error;
  }
}

/** The records that were added to a batch, and the record of each row that was in flight before. */
export function extension(reply: Reply): Extension {
  const added = new Map<RowKey, AddedRecord>();
  for (let index = 3; index < reply.length; index += 3) {
    const [before, record] = [reply[index + 1] as Buffer, reply[index + 2] as Buffer];
    added.set(rowKey(reply[index]), {
      ...(before.length > 0 && { before: decodeRecord(before) }),
      record: decodeRecord(record),
    });
  }
  return { part: Number(reply[1]), added };
}

/** The batch in flight of a shard, as `peek` and a look-up of copies answer it. */
export interface FlightSeen {
  readonly token: string;
  readonly parts: ReadonlyMap<RowKey, number>;
}

export function flightIn(token: unknown, parts: unknown): FlightSeen {
  return { token: text(token ?? ''), parts: partsIn(parts) };
}

/** What stands in the hashes of a shard for one row. */
export interface PendingBytes {
  readonly dirty: Buffer | null | undefined;
  readonly inFlight: Buffer | null | undefined;
  readonly recent: Buffer | null | undefined;
  readonly held?: Buffer | null | undefined;
}

/** @throws SpillwayError `CONFIG_INVALID` for a record that cannot be read */
export function pendingIn(
  key: RowKey,
  { dirty, inFlight, recent, held }: PendingBytes,
  { token, parts }: FlightSeen,
): Pending | undefined {
  if (!dirty && !inFlight && !recent && !held) return undefined;
  const part = parts.get(key);
  const written = recent ? recentWrite(recent) : undefined;
  return {
    ...(dirty ? { dirty: readable(key, dirty, decodeRecord) } : {}),
    ...(inFlight
      ? { inFlight: { record: readable(key, inFlight, decodeRecord), token, ...(part !== undefined && { part }) } }
      : {}),
    ...(written ? { recent: written } : {}),
    ...(held ? { held: readable(key, held, decodeLayers) } : {}),
  };
}

function readable<T>(key: RowKey, bytes: Buffer, decode: (bytes: Buffer) => T): T {
  try {
    return decode(bytes);
  } catch (cause) {
    throw unreadableRow(key, cause);
  }
}

/** A record that cannot be read is neither merged nor laid over its row. The next flush buries it. */
export function unreadableRow(key: RowKey, cause?: unknown): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `What is staged of row ${key} cannot be read by this release. If a newer release of Spillway is running, update this process; otherwise the record becomes a dead letter at its next flush`,
    { cause },
  );
}

/** `undefined`: there was no write, or it cannot be read. As in `recent.lua`, it then counts as not remembered. */
function recentWrite(bytes: Buffer): RecentWrite | undefined {
  const parts = plainOr(bytes, undefined);
  if (!Array.isArray(parts)) return undefined;
  const [version, deleted, sequence] = parts as readonly unknown[];
  if (typeof version !== 'string' || !/^(?:0|[1-9]\d{0,18}|)$/.test(version)) return undefined;
  // Sequence 0 is before the first change: the row was not written, and has only void versions.
  if (!Number.isSafeInteger(sequence) || (sequence as number) <= 0) return undefined;
  return { ...(version === '' ? {} : { version }), deleted: deleted === 1 };
}
