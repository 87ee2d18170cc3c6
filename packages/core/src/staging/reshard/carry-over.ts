import { decodeFirst, UnreadableRecord } from '../../change/record-codec.js';
import { type RowKey, shardOf } from '../../change/row-key.js';
import { type Argument, text } from '../redis/connection.js';
import type { KeyName } from '../redis/keys.js';
import { SCRIPTS } from '../redis/scripts.js';
import type { IsSame } from './switch-shards.js';
import type { ShardPlace, ShardPlaces } from './shard-places.js';

/** Entries that one command moves. */
const PART = 200;

/** A field of a hash, and its value. */
type Entry = readonly [Buffer, Buffer];

/** The maps of a move. Nothing is pending in the old one, and every process but this one is refused there. */
export interface Move {
  readonly from: ShardPlaces;
  readonly to: ShardPlaces;
  /** True for a place of the new map where the same shard was before. */
  readonly isSame: IsSame;
}

/**
 * Moves the dead letters to the shards that have their rows now. They get new numbers there, the older ones first. A
 * letter goes when it has arrived, so a move that was interrupted is made again.
 * @returns how many have arrived
 */
export async function moveLetters(move: Move): Promise<number> {
  let moved = 0;
  for (const place of move.from.all) {
    const ids = ((await command(place, 'HKEYS', 'dead')) as readonly Buffer[]).map(text);
    ids.sort((one, other) => Number(one) - Number(other));
    for (const part of partsOf(ids)) {
      const found = (await command(place, 'HMGET', 'dead', part)) as readonly (Buffer | null)[];
      const letters = part.flatMap((id, at) => {
        const bytes = found[at];
        const target = bytes && targetOf(move, place, rowOfLetter(bytes));
        return target ? [{ id, bytes, target }] : [];
      });
      for (const [target, ofTarget] of Map.groupBy(letters, (letter) => letter.target)) {
        moved += await take(
          target,
          ofTarget.map(({ bytes }) => bytes),
        );
        await command(
          place,
          'HDEL',
          'dead',
          ofTarget.map(({ id }) => id),
        );
      }
    }
  }
  return moved;
}

/** Moves the last writes of rows, so that a caller with an old version is still refused at once. */
export async function moveLastWrites(move: Move): Promise<void> {
  for (const place of move.from.all)
    for (const key of ['recent', 'recent:old'] as const)
      for await (const entries of pagesOf(place, key)) {
        const gone: Buffer[] = [];
        const moved = new Map<ShardPlace, Buffer[]>(move.to.all.map((target) => [target, []]));
        for (const [field, value] of entries) {
          // A trace of dead letters names them by their old numbers. Receipts of the old map cannot ask any more.
          const isTrace = text(field).startsWith('!');
          const target = isTrace ? undefined : targetOf(move, place, text(field) as RowKey);
          if (target) moved.get(target)?.push(field, value);
          if (target || isTrace) gone.push(field);
        }
        for (const [target, ofTarget] of moved) if (ofTarget.length > 0) await command(target, 'HSET', key, ofTarget);
        if (gone.length > 0) await command(place, 'HDEL', key, gone);
      }
}

/**
 * Moves the words of transactions that write rows past the unit of work, so that no reader keeps a copy of what they
 * are about to change. Readers find out themselves when such a transaction has ended.
 */
export async function moveBlocks(move: Move): Promise<void> {
  for (const place of move.from.all)
    for await (const [field, value] of entriesOf(place, 'cache:blocks')) {
      const name = text(field);
      if (name.startsWith('table:')) for (const target of move.to.all) await addBlock(target, field, value);
      if (!name.startsWith('row:')) continue;
      const target = targetOf(move, place, name.slice('row:'.length) as RowKey);
      if (!target) continue;
      await addBlock(target, field, value);
      await command(place, 'HDEL', 'cache:blocks', [field]);
    }
}

/** Leaves a block that is there as it is. Every other process is refused, so nothing comes in between. */
async function addBlock(target: ShardPlace, field: Buffer, value: Buffer): Promise<void> {
  if (Number(await command(target, 'HEXISTS', 'cache:blocks', [field])) === 0)
    await command(target, 'HSET', 'cache:blocks', [field, value]);
}

/**
 * Writes into each shard of the new map what the chains of the old one say of all shards: the entities that have been
 * left, and when a version was found void. The shards count on above the highest number of a staged change: dead
 * letters and last writes bear such numbers, and the higher one is the later one. `begun` is what a shard has not
 * counted itself.
 */
export async function copyChains(move: Move): Promise<void> {
  const left = new Map<string, Buffer>();
  let voidAt = 0;
  let highest = 0;
  for (const place of move.from.all) {
    for await (const [field, value] of entriesOf(place, 'chain')) {
      const name = text(field);
      if (name === 'voidAt') voidAt = Math.max(voidAt, numberIn(value));
      if (name === 'sequence') highest = Math.max(highest, numberIn(value));
      if (name.startsWith('f:') && text(value) === 'left') left.set(name, value);
    }
  }
  for (const target of move.to.all) {
    const counted = (await command(target, 'HMGET', 'chain', ['sequence', 'begun'])) as readonly (Buffer | null)[];
    const [sequence = 0, begun = 0] = counted.map(numberIn);
    const args: Argument[] = [
      'sequence',
      highest,
      'begun',
      highest - Math.max(0, sequence - begun),
      ...[...left].flat(),
    ];
    if (voidAt > 0) args.push('voidAt', voidAt);
    await command(target, 'HSET', 'chain', args);
  }
}

function numberIn(bytes: Buffer | null): number {
  const number = bytes === null ? 0 : Number(text(bytes));
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** Where a row's entry goes; `undefined`: it stays where it is. */
function targetOf({ to, isSame }: Move, place: ShardPlace, row: RowKey | undefined): ShardPlace | undefined {
  const shard = row === undefined ? Math.min(place.shard, to.shards - 1) : shardOf(row, to.shards);
  const target = to.all[shard];
  return target && !(shard === place.shard && isSame(target)) ? target : undefined;
}

/** `undefined`: the letter cannot be read. */
function rowOfLetter(bytes: Buffer): RowKey | undefined {
  try {
    const { value } = decodeFirst(bytes);
    return Array.isArray(value) && typeof value[0] === 'string' ? (value[0] as RowKey) : undefined;
  } catch (error) {
    if (error instanceof UnreadableRecord) return undefined;
    throw error;
  }
}

async function take({ server, keys }: ShardPlace, letters: readonly Buffer[]): Promise<number> {
  const script = SCRIPTS.takeLetters;
  const reply = await server.connection.run(
    script,
    script.keys.map((name) => keys[name]),
    letters,
  );
  return Number(text(reply[1]));
}

async function* entriesOf(place: ShardPlace, key: KeyName): AsyncGenerator<Entry> {
  for await (const entries of pagesOf(place, key)) yield* entries;
}

/** A small hash is one page, whatever it has. */
async function* pagesOf(place: ShardPlace, key: KeyName): AsyncGenerator<readonly Entry[]> {
  let cursor = '0';
  do {
    const reply = await command(place, 'HSCAN', key, [cursor, 'COUNT', PART]);
    const [next, found] = reply as readonly [Buffer, readonly Buffer[]];
    yield Array.from({ length: found.length / 2 }, (_, at): Entry => [found[2 * at], found[2 * at + 1]] as Entry);
    cursor = text(next);
  } while (cursor !== '0');
}

async function command(
  { server, keys }: ShardPlace,
  name: string,
  key: KeyName,
  args: readonly Argument[] = [],
): Promise<unknown> {
  return server.connection.command(name, [keys[key], ...args]);
}

function partsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / PART) }, (_, part) =>
    items.slice(part * PART, (part + 1) * PART),
  );
}
