import { createHash } from 'node:crypto';
import { SpillwayError } from '../../errors.js';
import { byUnits, evenShares } from './even-shares.js';

/** Which place has which shard. Shards of one place may be asked for in one call. */
export interface Places {
  readonly shards: number;
  /** @throws RangeError if there is no such shard */
  placeOf(shard: number): number;
}

/** Which of several servers, called nodes, has which shards of a namespace. All processes must have the same map. */
export class ShardMap implements Places {
  readonly shards: number;
  /** The names of the nodes, sorted. */
  readonly nodes: readonly string[];
  /** Short, and another one for any other map. */
  readonly fingerprint: string;
  readonly #shares: ReadonlyMap<string, readonly number[]>;
  readonly #places: readonly number[];

  /** @param shares name of each node -> its shards. @defaultValue even shares */
  constructor(names: readonly string[], shards: number, shares?: ReadonlyMap<string, readonly number[]>) {
    if (names.length > shards)
      throw new SpillwayError(
        'CONFIG_INVALID',
        `redis.nodes in the options of spillway() has ${names.length} servers for ${shards} shards, so some would have nothing to do. ` +
          'Leave servers out, or give a new namespace more "shards"',
      );
    this.shards = shards;
    this.nodes = names.toSorted(byUnits);
    this.#shares = shares ?? evenShares(names, shards);
    const places = Array.from<number>({ length: shards });
    for (const [place, name] of this.nodes.entries()) for (const shard of this.shardsOf(name)) places[shard] = place;
    this.#places = places;
    const told = JSON.stringify(this.nodes.map((name) => [name, this.shardsOf(name)]));
    this.fingerprint = createHash('sha1').update(told).digest('hex').slice(0, 16);
  }

  /** The place of the shard's node among `nodes`. */
  placeOf(shard: number): number {
    const place = this.#places[shard];
    if (place === undefined)
      throw new RangeError(`There is no shard ${shard}: shards are numbered from 0 to ${this.shards - 1}`);
    return place;
  }

  shardsOf(node: string): readonly number[] {
    return this.#shares.get(node) ?? [];
  }

  /** For messages: `16 shards over "a" and "b"`. */
  get text(): string {
    return `${this.shards} shards over ${namesText(this.nodes)}`;
  }
}

/** The most shards, or names, that a message lists. */
const MOST_LISTED = 16;

/** For messages: `shard 3`, `shards 0, 3 and 5`. */
export function shardsText(shards: readonly number[]): string {
  return `${shards.length === 1 ? 'shard' : 'shards'} ${listText(shards.map(String))}`;
}

function namesText(names: readonly string[]): string {
  return listText(names.map((name) => `"${name}"`));
}

function listText(texts: readonly string[]): string {
  const rest = texts.length - MOST_LISTED;
  if (rest > 0) return `${texts.slice(0, MOST_LISTED).join(', ')} and ${rest} more`;
  return texts.length < 2 ? texts.join() : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
