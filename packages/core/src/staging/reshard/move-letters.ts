import { decodeFirst, UnreadableRecord } from '../../change/record-codec.js';
import type { RowKey } from '../../change/row-key.js';
import { text } from '../redis/connection.js';
import { SCRIPTS } from '../redis/scripts.js';
import { type Move, targetOf } from './move.js';
import { command, PART } from './place-commands.js';
import type { ShardPlace } from './place.js';

/**
 * Copies the dead letters to the shards that have their rows now. They get new numbers there, the older ones first. A
 * letter that is there already is known by its bytes, so a move that was interrupted is made again.
 * @returns how many have arrived
 */
export async function copyLetters(move: Move): Promise<number> {
  return eachPart(move, async () => undefined);
}

/**
 * Removes the letters that were copied. They are copied once more before that: a replica that has taken over meanwhile
 * may lack some.
 * @returns how many have arrived only now
 */
export async function takeLetters(move: Move): Promise<number> {
  return eachPart(move, async (place, ids) => command(place, 'HDEL', 'dead', ids));
}

async function eachPart(
  move: Move,
  afterwards: (place: ShardPlace, ids: readonly string[]) => Promise<unknown>,
): Promise<number> {
  let arrived = 0;
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
        arrived += await take(
          target,
          ofTarget.map(({ bytes }) => bytes),
        );
        await afterwards(
          place,
          ofTarget.map(({ id }) => id),
        );
      }
    }
  }
  return arrived;
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

function partsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / PART) }, (_, part) =>
    items.slice(part * PART, (part + 1) * PART),
  );
}
