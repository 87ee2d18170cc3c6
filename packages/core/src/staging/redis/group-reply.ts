import type { VersionText } from '../../change/change.js';
import { decodePlain } from '../../change/record-codec.js';
import type { RowKey } from '../../change/row-key.js';
import type { KeyName } from './keys.js';
import type { StagedMark } from '../look-side.js';
import type { GroupAnswer, Refusal, RefusalReason, StageGroup, UnitAnswer } from '../stage-side.js';
import { unreadableRow } from './replies.js';

/** What a reader of answers asks of the shards. */
export interface AnswerShards {
  readonly shardOf: (rowKey: RowKey) => number;
  readonly damaged: (shard: number, key: KeyName) => Error;
  readonly unexpected: (said: string) => Error;
}

/** A shard as the group has found it, and how many of its changes were counted since. */
interface ShardPlace {
  sequence: number;
  readonly since: string;
}

/**
 * Reads the packed answer to a group, as `stage.lua` tells it.
 *
 * @param shards the shards of the group, in the order of the answer
 * @returns `undefined` if it cannot be read: then it is not known whether the group has run
 */
export function groupAnswer(
  bytes: unknown,
  group: Pick<StageGroup, 'units'>,
  shards: readonly number[],
  of: AnswerShards,
): GroupAnswer | undefined {
  const parts = listIn(bytes);
  if (parts?.[0] === 'voided') return { status: 'voided' };
  const places = placesIn(parts?.[0], shards);
  if (!parts || !places || parts.length !== group.units.length + 1) return undefined;
  try {
    return {
      status: 'judged',
      units: group.units.map((unit, index) => unitAnswer(parts[index + 1], unit, places, of)),
    };
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

/** A part of an answer is not as a script writes it. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

function listIn(bytes: unknown): readonly unknown[] | undefined {
  if (!(bytes instanceof Buffer)) return undefined;
  try {
    const parts = decodePlain(bytes);
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function placesIn(part: unknown, shards: readonly number[]): ReadonlyMap<number, ShardPlace> | undefined {
  if (!Array.isArray(part) || part.length !== 2 * shards.length) return undefined;
  const places = new Map<number, ShardPlace>();
  for (const [index, shard] of shards.entries()) {
    const [sequence, since] = [part[2 * index] as unknown, part[2 * index + 1] as unknown];
    if (!Number.isSafeInteger(sequence) || typeof since !== 'string') return undefined;
    places.set(shard, { sequence: sequence as number, since });
  }
  return places;
}

function unitAnswer(
  part: unknown,
  { changes }: StageGroup['units'][number],
  places: ReadonlyMap<number, ShardPlace>,
  of: AnswerShards,
): UnitAnswer {
  const [status, ...rest] = part === 0 ? ['staged'] : wordsIn(part);
  switch (status) {
    case 'staged':
      return { status, versions: pairs(rest), marks: changes.map(({ rowKey }) => nextMark(rowKey, places, of)) };
    case 'refused':
      return { status, refusals: refusals(rest) };
    case 'uninitialised':
      return { status, shards: [...new Set(rest.map(Number))] };
    case 'unreadable':
      return { status: 'unusable', error: unreadableRow(textIn(rest[0]) as RowKey) };
    case 'damaged':
      return { status: 'unusable', error: of.damaged(Number(rest[1]), textIn(rest[0]) as KeyName) };
    case 'failed':
      return { status: 'unusable', error: of.unexpected(textIn(rest[0])) };
    default:
      throw new NoAnswer();
  }
}

/** Units that are staged count on in their shards, in the order of their changes; others count nothing. */
function nextMark(rowKey: RowKey, places: ReadonlyMap<number, ShardPlace>, of: AnswerShards): StagedMark {
  const place = places.get(of.shardOf(rowKey));
  if (place === undefined) throw new NoAnswer();
  place.sequence += 1;
  return { rowKey, sequence: place.sequence, since: place.since };
}

function pairs(parts: readonly unknown[]): ReadonlyMap<RowKey, VersionText> {
  const versions = new Map<RowKey, VersionText>();
  for (let index = 0; index < parts.length; index += 2)
    versions.set(textIn(parts[index]) as RowKey, textIn(parts[index + 1]));
  return versions;
}

function refusals(parts: readonly unknown[]): readonly Refusal[] {
  const found: Refusal[] = [];
  for (let index = 0; index < parts.length; index += 3) {
    const version = textIn(parts[index + 2]);
    const reason = textIn(parts[index + 1]) as RefusalReason;
    found.push({ rowKey: textIn(parts[index]) as RowKey, reason, ...(version === '' ? {} : { version }) });
  }
  return found;
}

function wordsIn(part: unknown): readonly unknown[] {
  if (Array.isArray(part)) return part;
  throw new NoAnswer();
}

function textIn(part: unknown): string {
  if (typeof part === 'string') return part;
  throw new NoAnswer();
}
