import { decodePlain, encodePlain, encodeUnit } from '../../change/record-codec.js';
import { type RowKey, shardOf } from '../../change/row-key.js';
import type { VersionText } from '../../change/change.js';
import type { StagingLimits } from '../limits.js';
import type {
  GroupAnswer,
  Refusal,
  RefusalReason,
  StageGroup,
  StageRules,
  StageUnit,
  UnitAnswer,
} from '../stage-side.js';
import type { StagedMark } from '../look-side.js';
import { unreadableRow } from './replies.js';
import type { Reply } from './connection.js';
import type { ShardScripts } from './shard-scripts.js';
import type { KeyName } from './keys.js';

/** Sends groups of units of work to one server, and reads its answers. */
export class GroupScripts {
  readonly #scripts: ShardScripts;
  readonly #limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>;
  readonly #answers: AnswerShards;
  readonly #shortfallOf: (reply: Reply) => string | undefined;
  readonly #shardOf = (rowKey: RowKey): number => shardOf(rowKey, this.#scripts.shards);

  /** @param shortfallOf what a reply lacks for the tier that its group has waited for */
  constructor(
    scripts: ShardScripts,
    limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>,
    shortfallOf: (reply: Reply) => string | undefined = () => undefined,
  ) {
    this.#shortfallOf = shortfallOf;
    this.#scripts = scripts;
    this.#limits = limits;
    this.#answers = {
      shardOf: this.#shardOf,
      damaged: (shard, key) => scripts.damaged(shard, key),
      unexpected: (said) => scripts.unexpected(said),
    };
  }

  async stage(group: StageGroup): Promise<GroupAnswer> {
    return this.#run('stage', group);
  }

  async check(unit: StageUnit, rules: StageGroup['rules']): Promise<UnitAnswer> {
    const answer = await this.#run('check', { id: '', units: [unit], rules });
    if (answer.status === 'voided') throw this.#scripts.damaged(this.#shardsOf([unit])[0] ?? 0, 'seen');
    return answer.units[0] as UnitAnswer;
  }

  async fence(group: StageGroup): Promise<GroupAnswer> {
    const shards = this.#shardsOf(group.units);
    const reply = await this.#scripts.run('fence', shards[0] ?? 0, [group.id]);
    return this.answerIn(reply, group, shards);
  }

  /** @throws SpillwayError if what is remembered of the group cannot be read: nobody knows whether it has run */
  answerIn(reply: Reply, group: Pick<StageGroup, 'units'>, shards: readonly number[]): GroupAnswer {
    if (String(reply[0]) === 'voided') return { status: 'voided' };
    const answer = groupAnswer(reply[1], group, shards, this.#answers);
    if (answer === undefined) throw this.#scripts.damaged(shards[0] ?? 0, 'seen');
    const shortfall = this.#shortfallOf(reply);
    return answer.status === 'voided' || shortfall === undefined ? answer : { ...answer, shortfall };
  }

  async #run(mode: 'check' | 'stage', group: StageGroup): Promise<GroupAnswer> {
    const { id, units, rules } = group;
    const { seenMs, seenCalls } = this.#limits;
    const shards = this.#shardsOf(units);
    const reply = await this.#scripts.runOn('stage', shards, [
      mode,
      id,
      seenMs,
      seenCalls,
      encodePlain(shards),
      encodeRules(rules, entitiesOf(units)),
      ...units.map(({ changes }) => encodeUnit(changes, this.#shardOf)),
    ]);
    return this.answerIn(reply, group, shards);
  }

  /** The lowest comes first: it remembers the answer. */
  #shardsOf(units: readonly StageUnit[]): readonly number[] {
    const shards = new Set<number>();
    for (const { changes } of units) for (const { rowKey } of changes) shards.add(this.#shardOf(rowKey));
    return [...shards].toSorted((left, right) => left - right);
  }
}

export function entitiesOf(units: readonly StageUnit[]): ReadonlySet<string> {
  const entities = new Set<string>();
  for (const { changes } of units) for (const { entity } of changes) entities.add(entity);
  return entities;
}

type Rules = Readonly<Record<string, StageRules>>;

/** Most sets of entities of which the encoded rules are kept. Units of any entities may leave in one group. */
const MOST_KEPT = 256;

/** Rules -> the names of entities -> their rules, encoded. A process has few sets of rules, and uses them for ever. */
const encoded = new WeakMap<Rules, Map<string, Buffer>>();

/**
 * Rules of these entities, as the scripts read them: debounce, longest delay, most records, most bytes, policy, steps
 * (`*` for all).
 */
export function encodeRules(rules: Rules, entities: ReadonlySet<string>): Buffer {
  let known = encoded.get(rules);
  if (known === undefined) {
    known = new Map();
    encoded.set(rules, known);
  }
  const names = [...entities].toSorted().join('\0');
  let bytes = known.get(names);
  if (bytes === undefined) {
    const parts = [...entities].flatMap((entity) => {
      const rule = rules[entity];
      return rule === undefined ? [] : [[entity, partsOf(rule)] as const];
    });
    bytes = encodePlain(new Map(parts));
    if (known.size === MOST_KEPT) known.clear();
    known.set(names, bytes);
  }
  return bytes;
}

function partsOf({ debounceMs, maxDelayMs, maxPending, maxRecordBytes, policy = '', steps }: StageRules): unknown[] {
  const always = [debounceMs, maxDelayMs, maxPending, maxRecordBytes, policy];
  return steps ? [...always, steps === 'all' ? '*' : steps] : always;
}

/** What a reader of answers asks of the shards. */
interface AnswerShards {
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
function groupAnswer(
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
