import { Packr, Unpackr } from 'msgpackr';
import type { Change, Missing } from './change.js';
import type { HeldLayer } from './held-layer.js';
import { emptyMap, noEntries, type TextMap } from './maps.js';
import type { BatchOutcome } from './outcome.js';
import { CONFLICT, type RecordKind, type StagedRecord } from './record.js';
import type { RowKey } from './row-key.js';
import { textsAreUtf8 } from './utf8-texts.js';

/**
 * Records at rest: a MessagePack array in fixed order, the codec's version first. Lua writes the same arrays with
 * `cmsgpack`. An absent base or version is therefore an empty text (a Lua array ends at its first nil), a truth is 0 or
 * 1, and an empty map may come back as an empty array.
 *
 * `[codec, kind, entity, base, version, values, deltas, originals,
 *   first, last, firstAtMs, merged, attempts, flag, missing]`
 *
 * The flag is 1 for a doubtful record, else 2 for a base that was read in the database, else 0. The fifteenth part says
 * how a missing row is handled: `drop`, or the map of values that create the row. Only a record of codec 2 has it. A
 * release that does not know it therefore buries the record instead of ignoring the part.
 *
 * Lua and TypeScript must accept exactly the same bytes. Bytes that only one of them accepted would be written and
 * buried, or buried and written. A part that one of them cannot see therefore does not count: Lua takes a nil in a map
 * for an absent entry, and a list is as long as its last value says.
 */
const CODEC_VERSION = 1;
const WITH_MISSING = 2;
const DOUBTFUL = 1;
const ROW_BASE = 2;

/** An array of 14 or 15 parts in its shortest form begins with this and its length. */
const FIRST_BYTE = 0x90;

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

/** Why bytes are no record. The bytes are kept unchanged, for a person or for a newer release. */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
  readonly reason: 'garbage' | 'newer-codec';

  constructor(reason: 'garbage' | 'newer-codec', message: string) {
    super(message);
    this.reason = reason;
  }
}

export function encodeRecord(record: StagedRecord): Buffer {
  const { missing } = record;
  return packr.pack([
    missing === undefined ? CODEC_VERSION : WITH_MISSING,
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
    ...missingPart(missing),
  ]);
}

/**
 * The changes of a unit of work, each behind the number of its shard. Its parts stand in the order of a record's, so
 * that stamping a change makes it a record. The record's flag and the handling of a missing row follow at the end.
 */
export function encodeUnit(changes: readonly Change[], shardOf: (rowKey: RowKey) => number): Buffer {
  const parts: unknown[] = [];
  for (const change of changes) {
    parts.push(shardOf(change.rowKey), [
      change.rowKey,
      change.kind,
      change.entity,
      change.base ?? '',
      change.version ?? '',
      mapOf(change.values),
      mapOf(change.deltas),
      mapOf(change.originals),
      change.isRowBase ? ROW_BASE : 0,
      ...missingPart(change.missing),
    ]);
  }
  return packr.pack(parts);
}

function missingPart(missing: Missing | undefined): unknown[] {
  if (missing === undefined) return [];
  return [missing === 'drop' ? missing : mapOf(missing.create)];
}

/** @throws UnreadableRecord for anything that {@link encodeRecord}, or Lua, could not have written. */
export function decodeRecord(bytes: Uint8Array): StagedRecord {
  const parts = unpack(bytes);
  if (bytes[0] !== FIRST_BYTE + (Array.isArray(parts) ? parts.length : 0)) throw notOurs(parts);
  const record = recordOf(parts);
  if (mayHaveLost(record) && !textsAreUtf8(bytes)) throw garbage('a text is not UTF-8');
  return record;
}

/** Records one behind the other. @throws UnreadableRecord */
export function decodeRecords(bytes: Buffer): readonly StagedRecord[] {
  const records: StagedRecord[] = [];
  try {
    unpackr.unpackMultiple(bytes, (parts: unknown) => void records.push(recordOf(parts)));
  } catch (error) {
    throw error instanceof UnreadableRecord ? error : garbage('not MessagePack');
  }
  if (records.some(mayHaveLost) && !textsAreUtf8(bytes)) throw garbage('a text is not UTF-8');
  return records;
}

/** The layers of a row, as Lua writes them. @throws UnreadableRecord */
export function decodeLayers(bytes: Uint8Array): readonly HeldLayer[] {
  const given = unpack(bytes);
  if (!Array.isArray(given) || given.length === 0) throw garbage('not the layers of a row');
  const layers = given.map((layer: unknown) => {
    if (!Array.isArray(layer)) throw garbage('not a layer');
    return { id: text(layer[0]), transaction: text(layer[1]), record: recordOf(layer[2]) };
  });
  if (layers.some(({ record }) => mayHaveLost(record)) && !textsAreUtf8(bytes)) throw garbage('a text is not UTF-8');
  return layers;
}

function recordOf(parts: unknown): StagedRecord {
  if (!isOfOurLength(parts)) throw notOurs(parts);
  const base = text(parts[3]);
  if (base !== CONFLICT && base !== '') number(base);
  const version = text(parts[4]);
  if (version !== '') number(version);
  const flag = count(parts[13]);
  return {
    kind: kindOf(parts[1]),
    entity: text(parts[2]),
    ...(base === '' ? {} : { base: base === CONFLICT ? CONFLICT : base }),
    ...(flag === ROW_BASE ? { isRowBase: true } : {}),
    ...(version === '' ? {} : { version }),
    values: textMap(parts[5]),
    deltas: numberMap(parts[6]),
    originals: textMap(parts[7]),
    ...(parts.length > PARTS && { missing: missingIn(parts[PARTS]) }),
    first: count(parts[8]),
    last: count(parts[9]),
    firstAtMs: count(parts[10]),
    merged: count(parts[11]),
    attempts: count(parts[12]),
    doubtful: flag === DOUBTFUL,
  };
}

const PARTS = 14;

function isOfOurLength(parts: unknown): parts is readonly unknown[] {
  if (!Array.isArray(parts)) return false;
  return parts[0] === CODEC_VERSION ? parts.length === PARTS : parts[0] === WITH_MISSING && parts.length === PARTS + 1;
}

function missingIn(part: unknown): Missing {
  return part === 'drop' ? part : { create: textMap(part) };
}

/** The character that a decoder puts in the place of bytes that are not UTF-8. The text may also have contained it. */
const REPLACED = '\u{fffd}';

function mayHaveLost({ entity, values, deltas, originals, missing }: StagedRecord): boolean {
  if (entity.includes(REPLACED)) return true;
  const made = missing === undefined || missing === 'drop' ? {} : missing.create;
  return [values, deltas, originals, made].some((map) => {
    for (const name in map) if (name.includes(REPLACED) || map[name]?.includes(REPLACED)) return true;
    return false;
  });
}

function notOurs(parts: unknown): UnreadableRecord {
  const codec: unknown = Array.isArray(parts) ? parts[0] : undefined;
  if (typeof codec === 'number' && codec > WITH_MISSING)
    return new UnreadableRecord('newer-codec', `Record of codec ${codec}; this release reads up to ${WITH_MISSING}`);
  return garbage('not a record');
}

/** Outcomes by row key, in a fixed order of parts; a part that a kind lacks is empty. */
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
      buried?.message ?? '',
      again?.keepsPause === true ? 1 : 0,
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

/** The first of several values that follow each other, and the bytes behind it. @throws UnreadableRecord */
export function decodeFirst(bytes: Buffer): { readonly value: unknown; readonly rest: Buffer } {
  let first: { readonly value: unknown; readonly rest: Buffer } | undefined;
  try {
    unpackr.unpackMultiple(bytes, (value: unknown, _start?: number, end?: number) => {
      first = { value, rest: bytes.subarray(end) };
      return false;
    });
  } catch {
    throw garbage('not MessagePack');
  }
  if (first === undefined) throw garbage('it is empty');
  return first;
}

/**
 * Maps, because a property may be called `constructor` or `toJSON`; the packer gives an object with such a property
 * another meaning.
 */
function mapOf(values: TextMap): ReadonlyMap<string, string> {
  const names = Object.keys(values);
  if (names.length === 0) return EMPTY;
  const map = new Map<string, string>();
  for (const name of names) map.set(name, values[name] as string);
  return map;
}

/** Most changes have one map that is not empty. */
const EMPTY: ReadonlyMap<string, string> = new Map();

function unpack(bytes: Uint8Array): unknown {
  try {
    return unpackr.unpack(bytes) as unknown;
  } catch {
    throw garbage('not MessagePack');
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
  if (typeof value === 'string') return value;
  throw garbage('a text is missing');
}

/** 1 to 19 digits, without leading zeros. */
const NUMBER = /^(?:0|[1-9]\d{0,18})$/;
const DIFFERENCE = /^(?:0|-?[1-9]\d{0,18})$/;

function number(value: string): string {
  if (!NUMBER.test(value)) throw garbage('a version is no whole number');
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw garbage('a number is missing');
  return Math.abs(value);
}

function textMap(value: unknown): TextMap {
  if (Array.isArray(value) && value.every((entry) => entry === null)) return noEntries();
  if (!(value instanceof Map)) throw garbage('a map is missing');
  const map = emptyMap();
  for (const [name, entry] of value) {
    const property = text(name);
    if (entry !== null) map[property] = text(entry);
  }
  return map;
}

function numberMap(value: unknown): TextMap {
  const map = textMap(value);
  for (const property of Object.keys(map))
    if (!DIFFERENCE.test(map[property] as string)) throw garbage('a difference is no whole number');
  return map;
}
