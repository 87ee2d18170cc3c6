import { cluster, freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { rowKeyOf, type RowKey, shardOf } from '../../src/change/row-key.js';
import { moveBlocks, moveLastWrites } from '../../src/staging/reshard/carry-over.js';
import { samePlaces } from '../../src/staging/reshard/same-places.js';
import { ShardPlaces } from '../../src/staging/reshard/shard-places.js';

function rowKey(id: number): RowKey {
  return rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] });
}

test('last writes and blocks go to the slots that have their rows under another number of shards', async () => {
  await using servers = await cluster(3);
  const nodes = servers.servers.map(({ port }) => `127.0.0.1:${port}`);
  const on = { kind: 'cluster', choice: { nodes, shared: {} } } as const;
  const of = { on, namespace: freshNamespace(), database: 'db' };
  await using from = await ShardPlaces.open({ ...of, shards: 2 }, 5_000);
  await using to = await ShardPlaces.open({ ...of, shards: 5 }, 5_000);
  const rows = Array.from({ length: 4_000 }, (_, id) => rowKey(id));
  const blocked = rows.slice(0, 40);
  for (const { server, keys, shard } of from.all) {
    const own = (each: RowKey): boolean => shardOf(each, 2) === shard;
    const send = async (key: string, fields: readonly string[]): Promise<unknown> =>
      server.connection.command('HSET', [key, ...fields]);
    await send(
      keys.recent,
      rows.filter(own).flatMap((row) => [row, `v${row}`]),
    );
    await send(keys['cache:blocks'], [
      'table:public.product',
      'T1',
      ...blocked.filter(own).flatMap((row) => [`row:${row}`, 'T2']),
    ]);
  }
  const move = { from, to, isSame: await samePlaces(from, to) };
  await moveLastWrites(move);
  await moveBlocks(move);
  // What was moved already is moved again: nothing is there twice.
  await moveBlocks(move);
  const fieldsOf = async (key: string, { server }: (typeof to.all)[number]): Promise<readonly string[]> =>
    ((await server.connection.command('HKEYS', [key])) as readonly Buffer[]).map(String).toSorted();
  for (const place of to.all) {
    const own = (each: RowKey): boolean => shardOf(each, 5) === place.shard;
    expect(await fieldsOf(place.keys.recent, place)).toEqual(rows.filter(own).toSorted());
    expect(await fieldsOf(place.keys['cache:blocks'], place)).toEqual(
      [...blocked.filter(own).map((row) => `row:${row}`), 'table:public.product'].toSorted(),
    );
  }
  for (const place of from.all) {
    expect(await fieldsOf(place.keys.recent, place)).toEqual([]);
    expect(await fieldsOf(place.keys['cache:blocks'], place)).toEqual(['table:public.product']);
  }
});
