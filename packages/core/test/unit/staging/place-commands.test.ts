import { expect, it } from 'vitest';
import { shardKeys } from '../../../src/staging/redis/keys.js';
import type { Argument } from '../../../src/staging/redis/server-link.js';
import { eachPage, entriesOf } from '../../../src/staging/reshard/place-commands.js';
import type { ShardPlace } from '../../../src/staging/reshard/place.js';

/** A hash of four entries, two a page. Another server, which has them in another order, answers after some pages. */
function hashOf(orders: readonly (readonly string[])[], pagesOfEach: number): { place: ShardPlace; left: Set<string> } {
  const left = new Set(orders[0]);
  let pages = 0;
  const command = async (name: string, args: readonly Argument[]): Promise<unknown> => {
    if (name === 'HLEN') return left.size;
    const order = orders[Math.min(Math.floor(pages / pagesOfEach), orders.length - 1)] ?? [];
    pages += 1;
    const from = Number(args[1]);
    const found = order.slice(from, from + 2).filter((field) => left.has(field));
    const next = from + 2 >= order.length ? 0 : from + 2;
    return [Buffer.from(String(next)), found.flatMap((field) => [Buffer.from(field), Buffer.from('value')])];
  };
  const server = { connection: { server: 'one.example:6379', command } as never, node: undefined };
  return { place: { shard: 0, server, home: server, keys: shardKeys('app', 0) }, left };
}

const BOTH = [
  ['a', 'b', 'c', 'd'],
  ['c', 'd', 'a', 'b'],
];

it('entries that were not met, because another server has answered between two pages, are read again', async () => {
  const { place } = hashOf(BOTH, 1);
  const entries = await entriesOf(place, 'chain');
  expect(entries.map(([field]) => String(field)).toSorted()).toEqual(['a', 'b', 'c', 'd']);
});

it('entries that are removed page by page are all removed, whoever answers', async () => {
  const { place, left } = hashOf(BOTH, 1);
  await eachPage(place, 'recent', async (entries) => {
    const fields = entries.map(([field]) => field);
    for (const field of fields) left.delete(String(field));
    return fields;
  });
  expect(left).toEqual(new Set());
});

it('servers that never agree end the move, with the remedy', async () => {
  const { place } = hashOf([['a', 'b', 'c', 'd'], []], 1);
  await expect(entriesOf(place, 'chain')).rejects.toMatchObject({
    code: 'STAGING_UNAVAILABLE',
    message:
      'Redis at one.example:6379 does not tell all entries of {app:0}:chain, because other servers take its place; nothing is lost. ' +
      'Run reshard() again when no slot moves any more [STAGING_UNAVAILABLE]',
  });
});
