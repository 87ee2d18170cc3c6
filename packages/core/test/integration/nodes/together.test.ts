import { freshNamespace } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Book, Library, makeBooks } from './fixture.js';

const IDS = Array.from({ length: 60 }, (_, number) => number + 1);

/** The shards whose keys a server is sent, as MONITOR shows them; `map` for the key that holds the map. */
async function watched(url: string, namespace: string): Promise<{ shards(): Promise<ReadonlySet<string>> }> {
  const client = new Redis(url);
  const monitor = await client.monitor();
  const seen = new Set<string>();
  const key = new RegExp(`\\{${namespace}:(\\w+)\\}`, 'gu');
  monitor.on('monitor', (_time: string, args: readonly string[]) => {
    for (const argument of args) for (const [, shard = ''] of argument.matchAll(key)) seen.add(shard);
  });
  return {
    shards: async () => {
      await client.ping('last');
      monitor.disconnect();
      client.disconnect();
      return seen;
    },
  };
}

test.each([2, 3])('over %i servers all is staged, found, queried and written as on one', async (count) => {
  await using library = await Library.on(count);
  const orm = await library.open();
  const watches = await Promise.all(library.servers.map(async ({ url }) => watched(url, library.namespace)));
  await makeBooks(orm, IDS);
  expect(await library.rows(orm)).toEqual([]);
  const spillway = Spillway.of(orm);
  expect((await spillway.status()).pending).toEqual({ Book: 60 });
  const found = await orm.em.fork().find(Book, { id: { $in: IDS.slice(0, 20) } });
  expect(found.map(({ id }) => id).toSorted((one, other) => one - other)).toEqual(IDS.slice(0, 20));
  expect(await library.rows(orm)).toEqual([]);

  const changed = orm.em.fork();
  for (const book of await changed.find(Book, { id: { $in: [...IDS] } })) book.sold += book.id;
  await changed.flush();
  expect(await orm.em.fork().count(Book, { sold: { $gt: 30 } })).toBe(30);
  await spillway.drain();
  expect(await library.rows(orm)).toEqual(IDS);
  expect((await spillway.status()).pending).toEqual({});
  await orm.em.fork().findOneOrFail(Book, 1);
  await orm.em.fork().transactional(async (em) => {
    const book = await em.findOneOrFail(Book, 2);
    book.title = 'changed';
  });
  expect(await spillway.deadLetters.list()).toEqual([]);
  expect(await spillway.health()).toMatchObject({ status: 'up', states: [] });

  const seen = await Promise.all(watches.map(async (watch) => watch.shards()));
  for (const [place, shards] of seen.entries())
    expect(
      [...shards]
        .filter((shard) => shard !== 'map')
        .map(Number)
        .toSorted((one, other) => one - other),
    ).toEqual(library.map.shardsOf(`node-${place}`));
});

test('workers of several processes write everything, whichever server has it', async () => {
  await using library = await Library.on(3);
  const [web, ...workers] = [
    await library.open(),
    await library.open({ worker: true }),
    await library.open({ worker: true }),
  ];
  expect(workers).toHaveLength(2);
  await Promise.all([0, 20, 40].map(async (from) => makeBooks(web, IDS.slice(from, from + 20))));
  await expect.poll(async () => library.rows(web), { timeout: 10_000 }).toEqual(IDS);
  await expect.poll(async () => (await Spillway.of(web).status()).pending, { timeout: 10_000 }).toEqual({});
});

test('one server as the only node works like one without nodes, and each namespace for itself', async () => {
  await using library = await Library.on(1);
  const [one, other] = [await library.open(), await library.open({ namespace: freshNamespace() })];
  await makeBooks(one, [1, 2]);
  await makeBooks(other, [3]);
  await Spillway.of(one).drain();
  expect(await library.rows(one)).toEqual([1, 2]);
  await Spillway.of(other).drain();
  expect(await library.rows(one)).toEqual([1, 2, 3]);
});
