import { freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway, type NamedNode, type SpillwayOptions } from '../../../src/index.js';
import { Library, makeBooks } from './fixture.js';

async function refusal(library: Library, options: Partial<SpillwayOptions>): Promise<unknown> {
  const orm = await library.open(options);
  const error: unknown = await makeBooks(orm, [1]).catch((thrown: unknown) => thrown);
  expect(await Spillway.of(orm).health()).toMatchObject({ status: 'down', states: ['configuration'] });
  return error;
}

function mismatch(text: RegExp): unknown {
  return expect.objectContaining({ code: 'SHARD_MAP_MISMATCH', message: expect.stringMatching(text) as unknown });
}

/** A server's keys of the namespace. */
async function keysOf(library: Library, place: number): Promise<readonly string[]> {
  return (await library.command(place, 'KEYS', `{${library.namespace}:*`)) as string[];
}

test('another map of shards is refused, with both maps and what to do, and leaves no trace', async () => {
  await using library = await Library.on(3);
  const [one, two, three] = library.nodes.nodes as [NamedNode, NamedNode, NamedNode];
  const namespace = freshNamespace();
  const first = await library.open({ namespace, redis: { nodes: [one, two] } });
  await makeBooks(first, [1]);

  expect(await refusal(library, { namespace, redis: { nodes: [one, two, three] } })).toEqual(
    mismatch(
      /^Redis at 127\.0\.0\.1:\d+ is node "node-0" of 16 shards over "node-0" and "node-1" \(map \w{16}\), but here it is node "node-0" of 16 shards over "node-0", "node-1" and "node-2" \(map \w{16}\); nothing was done\. Give all processes the same names in "redis\.nodes" and the same "shards"\. reshard\(\) moves the shards to another map; docs\/operations\.md says how/u,
    ),
  );
  expect(await library.command(2, 'KEYS', `{${namespace}:*`)).toEqual([]);

  // What runs on with the right map is not disturbed.
  await makeBooks(first, [2]);
  await Spillway.of(first).drain();
  expect(await library.rows(first)).toEqual([1, 2]);
});

test('a server under the name of another is refused; under its own name it may have another address', async () => {
  await using library = await Library.on(2);
  const [one, two] = library.nodes.nodes as [NamedNode, NamedNode];
  const swapped = {
    nodes: [
      { name: 'node-0', redis: two.redis },
      { name: 'node-1', redis: one.redis },
    ],
  };
  await makeBooks(await library.open(), [1]);
  expect(await refusal(library, { redis: swapped })).toEqual(
    mismatch(/^Redis at \S+ is node "node-\d" of the same map, but here it is node "node-\d" of 16 shards over/u),
  );
  const moved = library.nodes.nodes.map(({ name, redis }) => ({
    name,
    redis: redis.replace('127.0.0.1', 'localhost'),
  }));
  await makeBooks(await library.open({ redis: { nodes: moved.toReversed() } }), [2]);
});

test('shards that one server has from processes without nodes are another map', async () => {
  await using library = await Library.on(2);
  const namespace = freshNamespace();
  const alone = await library.open({ namespace, redis: library.servers[0]?.url ?? '' });
  await makeBooks(alone, [1]);
  expect(await refusal(library, { namespace })).toEqual(
    mismatch(
      /^Redis at \S+ has shards [\d, ]+ and \d+ of this namespace from processes that have another map, or no nodes at all, but here it is node "node-0" of 16 shards over/u,
    ),
  );
  expect(await library.command(1, 'KEYS', `{${namespace}:*`)).toEqual([]);
  await Spillway.of(alone).drain();
  expect(await library.rows(alone)).toEqual([1]);
});

test('and the other way round: one server alone is refused where it is a node', async () => {
  await using library = await Library.on(2);
  await makeBooks(await library.open(), library.idsOf(0, 3));
  const before = await keysOf(library, 0);
  expect(await refusal(library, { redis: library.servers[0]?.url ?? '' })).toEqual(
    mismatch(
      /^Redis at \S+ is one of several servers of this namespace, but here "redis" names it alone; nothing was done\. Give all processes the same "redis\.nodes"/u,
    ),
  );
  expect((await keysOf(library, 0)).toSorted()).toEqual(before.toSorted());
});

test('of two processes that begin with different maps at the same time, at most one goes on', async () => {
  await using library = await Library.on(2);
  const [one, two] = library.nodes.nodes as [NamedNode, NamedNode];
  const namespace = freshNamespace();
  const maps = [{ nodes: [one, two] }, { nodes: [one, { name: 'other', redis: two.redis }] }];
  const orms = await Promise.all(maps.map(async (redis) => library.open({ namespace, redis: redis })));
  const ends = await Promise.allSettled(orms.map(async (orm, place) => makeBooks(orm, [place + 1])));
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  expect(refused.length).toBeGreaterThanOrEqual(1);
  for (const error of refused) expect(error).toEqual(mismatch(/./u));
});

test('more servers than shards, and another number of shards than the database has, are refused', async () => {
  await using library = await Library.on(2);
  expect(await refusal(library, { namespace: freshNamespace(), shards: 1 })).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('redis.nodes in the options of spillway() has 2 servers for 1 shards'),
  });
  await makeBooks(await library.open(), [1]);
  const shards = { 'node-0': [0, 1], 'node-1': [2] };
  expect(await refusal(library, { shards: undefined as never, redis: { ...library.nodes, shards } })).toMatchObject({
    message: expect.stringContaining('3'),
  });
});
