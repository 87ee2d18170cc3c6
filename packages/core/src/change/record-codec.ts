import { Packr, Unpackr } from 'msgpackr';
import type { Change } from './change.js';
import type { HeldLayer } from './held-layer.js';
import { emptyMap, noEntries, type TextMap } from './maps.js';
import type { BatchOutcome } from './outcome.js';
import { CONFLICT, type RecordKind, type StagedRecord } from './record.js';
import type { RowKey } from './row-key.js';

/**
 * Records at rest: a MessagePack array in fixed order, the codec's version first. Lua writes the same arrays with `cmsgpack`, and so an absent base or version is an
 * empty text (a Lua array ends at its first nil), a truth is 0 or 1, and an empty map may come back as an empty array.
 *
 * `[codec, kind, entity, base, version, values, deltas, originals, first, last, firstAtMs, merged, attempts, mark]`
 *
 * The mark is 1 for a doubtful record, else 2 for a base that was read in the database, else 0.
 */
const CODEC_VERSION = 1;
const DOUBTFUL = 1;
const ROW_BASE = 2;

const KINDS: readonly string[] = [
  'insert',
  'update',
  'upsert',
  'replace',
  'delete',
  'increment',
] satisfies RecordKind[];

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });

/** Why bytes are no record. They are kept as they are, for a person or for a newer release. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
  readonly reason: 'garbage' | 'newer-codec';

  constructor(reason: 'garbage' | 'newer-codec', message: string) {
    super(message);
    this.reason = reason;
  }
}

export function encodeRecord(record: StagedRecord): Buffer {
  return packr.pack([
    CODEC_VERSION,
    record.kind,
    record.entity,
    record.base ?? '',
    record.version ?? '',
    mapOf(record.values),
    mapOf(record.deltas),
    mapOf(record.originals),
    record.first,
    record.last,
    record.firstAtMs,
    record.merged,
    record.attempts,
    record.doubtful ? DOUBTFUL : record.isRowBase ? ROW_BASE : 0,
  ]);
}

/**
 * The changes of a stage call, in the same order of parts as a record, so that a change becomes a record by being stamped.
 * Behind them stands the mark of the record.
 */
export function encodeChanges(changes: readonly Change[]): Buffer {
  return packr.pack(
    changes.map((change) => [
      change.rowKey,
      change.kind,
      change.entity,
      change.base ?? '',
      change.version ?? '',
      mapOf(change.values),
      mapOf(change.deltas),
      mapOf(change.originals),
      change.isRowBase ? ROW_BASE : 0,
    ]),
  );
}

/** @throws UnreadableRecord for anything that {@link encodeRecord}, or Lua, has not written. */
export function decodeRecord(bytes: Uint8Array): StagedRecord {
  return recordOf(unpack(bytes));
}

/** The layers of a row, as Lua writes them. @throws UnreadableRecord */
export function decodeLayers(bytes: Uint8Array): readonly HeldLayer[] {
  const layers = unpack(bytes);
  if (!Array.isArray(layers)) throw garbage('not the layers of a row');
  return layers.map((layer: unknown) => {
    if (!Array.isArray(layer)) throw garbage('not a layer');
    return { id: text(layer[0]), transaction: text(layer[1]), record: recordOf(layer[2]) };
  });
}

function recordOf(parts: unknown): StagedRecord {
  if (!Array.isArray(parts) || typeof parts[0] !== 'number') throw garbage('not a record');
  if (parts[0] > CODEC_VERSION) {
    throw new UnreadableRecord('newer-codec', `Record of codec ${parts[0]}; this release reads up to ${CODEC_VERSION}`);
  }
  const base = text(parts[3]);
  const version = text(parts[4]);
  const mark = count(parts[13]);
  return {
    kind: kindOf(parts[1]),
    entity: text(parts[2]),
    ...(base === '' ? {} : { base: base === CONFLICT ? CONFLICT : base }),
    ...(mark === ROW_BASE ? { isRowBase: true } : {}),
    ...(version === '' ? {} : { version }),
    values: textMap(parts[5]),
    deltas: textMap(parts[6]),
    originals: textMap(parts[7]),
    first: count(parts[8]),
    last: count(parts[9]),
    firstAtMs: count(parts[10]),
    merged: count(parts[11]),
    attempts: count(parts[12]),
    doubtful: mark === DOUBTFUL,
  };
}

/** Outcomes by row key, in a fixed order of parts; what a kind does not have is empty. */
export function encodeOutcomes(outcomes: BatchOutcome): Buffer {
  const parts = new Map<RowKey, readonly (string | number)[]>();
  for (const [rowKey, outcome] of outcomes) {
    const again = outcome.kind === 'again' ? outcome : undefined;
    const buried = outcome.kind === 'buried' ? outcome : undefined;
    parts.set(rowKey, [
      outcome.kind,
      'version' in outcome ? (outcome.version ?? '') : '',
      again?.attempts ?? 0,
      again?.delayMs ?? 0,
      buried?.code ?? '',
      buried?.reason ?? again?.reason ?? '',
      buried?.rejected === true ? 1 : 0,
      buried?.counted === true ? 1 : 0,
      outcome.part ?? 0,
    ]);
  }
  return packr.pack(parts);
}

export function encodePlain(value: unknown): Buffer {
  return packr.pack(value);
}

/** @throws UnreadableRecord */
export function decodePlain(bytes: Uint8Array): unknown {
  return unpack(bytes);
}

/** The first of several values that follow each other, and the bytes behind it. */
export function decodeFirst(bytes: Buffer): { readonly value: unknown; readonly rest: Buffer } {
  let first: { readonly value: unknown; readonly rest: Buffer } | undefined;
  unpackr.unpackMultiple(bytes, (value: unknown, _start?: number, end?: number) => {
    first = { value, rest: bytes.subarray(end) };
    return false;
  });
  if (first === undefined) throw garbage('it is empty');
  return first;
}

/** Maps, because a property may be called `constructor` or `toJSON`, and an object of that shape means something else to the packer. */
function mapOf(values: TextMap): Map<string, string> {
  const map = new Map<string, string>();
  for (const name of Object.keys(values)) map.set(name, values[name] as string);
  return map;
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return unpackr.unpack(bytes) as unknown;
  } catch (cause) {
    throw garbage(cause instanceof Error ? cause.message : 'not MessagePack');
  }
}

function garbage(what: string): UnreadableRecord {
  return new UnreadableRecord('garbage', `Unreadable record: ${what}`);
}

function kindOf(value: unknown): RecordKind {
  if (typeof value !== 'string' || !KINDS.includes(value)) throw garbage('its kind is unknown');
  return value as RecordKind;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw garbage('a text is missing');
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw garbage('a number is missing');
  return value;
}

function textMap(value: unknown): TextMap {
  if (Array.isArray(value) && value.length === 0) return noEntries();
  if (!(value instanceof Map)) throw garbage('a map is missing');
  const map = emptyMap();
  for (const [name, entry] of value) map[text(name)] = text(entry);
  return map;
}
