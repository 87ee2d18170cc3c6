import { OptimisticLockError } from '@mikro-orm/postgresql';
import { areRightsLimited, cluster, freshNamespace, type TestCluster } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fill, type MapOptions, missingOnes, of, reshard } from './cluster-moves.js';
import { Book, eventsOf, Library, makeBooks } from './fixture.js';
import { direct, IDS, MISSING, sold } from './moves.js';

let one: TestCluster;
let other: TestCluster;
let library: Library;
beforeAll(async () => {
  [one, other] = await Promise.all([cluster(3), cluster(1)]);
  library = await Library.on(2);
}, 120_000);
afterAll(async () => {
  await library[Symbol.asyncDispose]();
  await Promise.all([one[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
});

function single(): string {
  return library.servers[0]?.url ?? '';
}

const MOVES: readonly (readonly [string, () => readonly [MapOptions, MapOptions]])[] = [
  ['from one server to a cluster', () => [of(single(), 16), of(one.target, 16)]],
  ['from one server to a cluster, with more shards', () => [of(single(), 16), of(one.target, 24)]],
  ['from two servers to a cluster', () => [of(direct(library, 0, 1), 16), of(one.target, 16)]],
  ['from a cluster to one server', () => [of(one.target, 16), of(single(), 16)]],
  ['from a cluster to two servers, with fewer shards', () => [of(one.target, 16), of(direct(library, 0, 1), 5)]],
  ['to more shards in a cluster', () => [of(one.target, 16), of(one.target, 24)]],
  ['to fewer shards in a cluster', () => [of(one.target, 16), of(one.target, 5)]],
  ['from a cluster to another one', () => [of(one.target, 16), of(other.target, 16)]],
];

test.each(MOVES)('F28: %s: nothing is lost, and every process with the old map is refused', async (_, mapsOf) => {
  const [from, to] = mapsOf();
  const namespace = freshNamespace();
  const web = await fill(library, namespace, from);
  await makeBooks(web, [40]);
  await Spillway.of(web).drain();
  const read = await web.em.fork().findOneOrFail(Book, 40);
  const newer = web.em.fork();
  (await newer.findOneOrFail(Book, 40)).title = 'newer';
  await newer.flush();

  const report = await reshard(library, namespace, from, to);
  expect(report.from).toMatch(/^16 shards (on|over|in the Redis Cluster at) /u);
  expect(report.to).toMatch(new RegExp(`^${to.shards} shards (on|over|in the Redis Cluster at) `, 'u'));

  const refused = { code: 'SHARD_MAP_MISMATCH', message: expect.stringMatching(/nothing was done/u) };
  await expect(
    makeBooks(
      web,
      IDS.map((id) => 100 + id),
    ),
  ).rejects.toMatchObject(refused);
  await expect(makeBooks(await library.open({ namespace, ...from }), [71])).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
  });

  const next = await library.open({ namespace, ...to });
  const losses = eventsOf(next, 'staging-loss');
  expect(await sold(next)).toEqual(IDS.map(() => 1));
  expect(await missingOnes(next)).toEqual(MISSING.map((id) => `ROW_MISSING ${id}`));
  // The version that was written last is still remembered: a caller with an older one is refused at once.
  const patched = Spillway.of(next).patch(Book, 40, { title: 'older' }, { version: read.version });
  await expect(patched).rejects.toThrow(OptimisticLockError);
  for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
  await makeBooks(next, [80, ...MISSING]);
  await Spillway.of(next).drain();
  // What was staged since has a higher number than the letter, whatever shard has counted it.
  for (const letter of await Spillway.of(next).deadLetters.list())
    expect(await Spillway.of(next).deadLetters.retry(letter)).toBe('newer');
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 2));
  expect(losses).toEqual([]);
  expect((await Spillway.of(next).status()).pending).toEqual({});
});

test('F28: a cluster takes a namespace, gives it away, and takes it again under other numbers of shards', async () => {
  const namespace = freshNamespace();
  await fill(library, namespace, of(one.target, 16));
  const maps = [of(one.target, 24), of(one.target, 16), of(single(), 16), of(one.target, 24), of(other.target, 24)];
  let from = of(one.target, 16);
  for (const [turn, to] of maps.entries()) {
    await reshard(library, namespace, from, to);
    const orm = await library.open({ namespace, ...to });
    for (const id of IDS) await Spillway.of(orm).increment(Book, id, { sold: 1 });
    expect(await missingOnes(orm)).toHaveLength(MISSING.length);
    if (turn % 2 === 1) await Spillway.of(orm).drain();
    from = to;
  }
  const last = await library.open({ namespace, ...from });
  await Spillway.of(last).drain();
  expect(await sold(last)).toEqual(IDS.map(() => 1 + maps.length));
});

test('a cluster that is there already, in use, or named as one server is refused, and nothing is moved', async () => {
  const namespace = freshNamespace();
  const from = of(one.target, 16);
  const web = await fill(library, namespace, from);
  const [first] = one.servers;
  const refusal = async (to: MapOptions): Promise<unknown> =>
    reshard(library, namespace, from, to).catch((error: unknown) => error);
  expect(await refusal(of({ cluster: one.target.cluster.slice(0, 1) }, 16))).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(
      /^reshard\(\) was given the map that the namespace has already: 16 shards in the Redis Cluster at 127\.0\.0\.1:\d+; nothing was done/u,
    ),
  });
  expect(await refusal(of(first?.url ?? '', 16))).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/is a node of a Redis Cluster/u),
  });
  expect(await refusal(of({ cluster: [single()] }, 16))).toMatchObject({
    code: 'CONFIG_INVALID',
    // A user with the rights for one server may not ask.
    message: expect.stringMatching(areRightsLimited() ? /cluster\|slots/u : /is not a node of a Redis Cluster/u),
  });
  // A process has begun there too early, with as many shards as the namespace has now.
  await makeBooks(await library.open({ namespace, ...of(other.target, 16) }), [60]);
  for (const shards of [16, 24])
    expect(await refusal(of(other.target, shards))).toMatchObject({
      code: 'SHARD_MAP_MISMATCH',
      message: expect.stringMatching(
        new RegExp(
          `^Redis at 127\\.0\\.0\\.1:\\d+ has shards? .+ of this namespace in use by another map than ${shards} shards in the Redis Cluster; no shard was moved`,
          'u',
        ),
      ),
    });
  await makeBooks(web, [61]);
  await Spillway.of(web).drain();
  expect(await sold(web)).toEqual(IDS.map(() => 1));
});
