import { SpillwayError } from '../../errors.js';
import { type Argument, text } from '../redis/connection.js';
import type { KeyName } from '../redis/keys.js';
import type { ShardPlace } from './place.js';

/** Entries that one command moves. */
export const PART = 200;

/** So often the entries of a hash are read again, because another server has answered meanwhile. */
const MOST_PASSES = 10;

/** A field of a hash, and its value. */
export type Entry = readonly [Buffer, Buffer];

export async function command(
  { server, keys }: ShardPlace,
  name: string,
  key: KeyName,
  args: readonly Argument[] = [],
): Promise<unknown> {
  return server.connection.command(name, [keys[key], ...args]);
}

/** All entries of a small hash. */
export async function entriesOf(place: ShardPlace, key: KeyName): Promise<readonly Entry[]> {
  const found = new Map<string, Entry>();
  await eachPage(place, key, async (entries) => {
    for (const entry of entries) found.set(nameOf(entry[0]), entry);
    return [];
  });
  return [...found.values()];
}

/**
 * Reads a hash page by page. A small one is one page. The place in a hash that a server names is none on another one,
 * which may have taken its place, or the slot, between two pages. So the entries are counted, and read again if some
 * were not met. Nothing but `act` changes the hash.
 *
 * @param act answers the fields that it has removed
 */
export async function eachPage(
  place: ShardPlace,
  key: KeyName,
  act: (entries: readonly Entry[]) => Promise<readonly Buffer[]>,
): Promise<void> {
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    const left = new Set<string>();
    for await (const entries of pagesOf(place, key)) {
      const gone = new Set((await act(entries)).map(nameOf));
      for (const [field] of entries) if (!gone.has(nameOf(field))) left.add(nameOf(field));
    }
    if (Number(await command(place, 'HLEN', key)) <= left.size) return;
  }
  throw new SpillwayError(
    'STAGING_UNAVAILABLE',
    `Redis at ${place.server.connection.server} does not tell all entries of ${place.keys[key]}, because other servers take its place; nothing is lost. ` +
      'Run reshard() again when no slot moves any more',
  );
}

async function* pagesOf(place: ShardPlace, key: KeyName): AsyncGenerator<readonly Entry[]> {
  let cursor = '0';
  do {
    const reply = await command(place, 'HSCAN', key, [cursor, 'COUNT', PART]);
    const [next, found] = reply as readonly [Buffer, readonly Buffer[]];
    yield Array.from({ length: found.length / 2 }, (_, at): Entry => [found[2 * at], found[2 * at + 1]] as Entry);
    cursor = text(next);
  } while (cursor !== '0');
}

/** Another one for any other bytes. */
function nameOf(field: Buffer): string {
  return field.toString('latin1');
}
