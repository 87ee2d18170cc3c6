import { OptimisticLockError, type MikroORM } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import { keyText } from '../../../src/change/row-key.js';
import { Spillway, type SpillwayOptions } from '../../../src/index.js';
import { Book, eventsOf, Library, makeBooks } from './fixture.js';

type NewMap = Pick<SpillwayOptions, 'redis' | 'shards'>;

const IDS = Array.from({ length: 60 }, (_, at) => at + 1);

/** Options without a number of shards: the database knows it. */
const OF_DATABASE = { shards: undefined } as unknown as Partial<SpillwayOptions>;

function one(library: Library, place = 0): NewMap {
  return { redis: library.servers[place]?.url ?? '' };
}

function some(library: Library, ...places: readonly number[]): NewMap {
  return { redis: { nodes: places.flatMap((place) => library.nodes.nodes[place] ?? []) } };
}

/** Books that are written, books of which a change is pending, and a dead letter for each of some. */
async function fill(orm: MikroORM): Promise<void> {
  await makeBooks(orm, IDS);
  await Spillway.of(orm).drain();
  const em = orm.em.fork();
  for (const book of await em.find(Book, IDS.slice(0, 30))) book.sold += 1;
  await em.flush();
  for (const id of [901, 902, 903]) await Spillway.of(orm).increment(Book, id, { sold: 1 });
}

async function move(library: Library, from: NewMap, to: NewMap): Promise<unknown> {
  const orm = await library.open({ ...OF_DATABASE, ...from });
  return Spillway.of(orm).reshard(to);
}

async function lettersOf(orm: MikroORM): Promise<readonly string[]> {
  const letters = await Spillway.of(orm).deadLetters.list();
  return letters.map(({ code, rowKey }) => `${code} ${keyText(rowKey)}`).toSorted();
}

const moves: readonly (readonly [string, (library: Library) => readonly [NewMap, NewMap]])[] = [
  ['more shards on one server', (of) => [one(of), { shards: 64 }]],
  ['fewer shards on one server', (of) => [one(of), { shards: 5 }]],
  ['from one server to another', (of) => [one(of, 0), one(of, 1)]],
  ['from one server to three, of which it is one', (of) => [one(of), some(of, 0, 1, 2)]],
  ['from three servers to two of them', (of) => [some(of, 0, 1, 2), some(of, 0, 2)]],
  ['from two servers to one', (of) => [some(of, 0, 1), one(of, 1)]],
  ['from two servers to others, with more shards', (of) => [some(of, 0, 1), { ...some(of, 2, 1), shards: 40 }]],
];

test.each(moves)('F28: %s: nothing is lost, and every process with the old map is refused', async (_, mapsOf) => {
  await using library = await Library.on(3);
  const [from, to] = mapsOf(library);
  const web = await library.open({ ...from, shards: 16 });
  await fill(web);
  const read = await web.em.fork().findOne(Book, 40);
  const newer = web.em.fork();
  (await newer.findOneOrFail(Book, 40)).title = 'newer';
  await newer.flush();

  const report = await move(library, from, to);
  expect(report).toEqual({
    from: expect.stringMatching(/^16 shards (on|over) /u) as unknown,
    to: expect.stringMatching(/^\d+ shards (on|over) /u) as unknown,
    movedLetters: expect.any(Number) as unknown,
  });

  // What has the old map is refused at its next call; nothing of it is staged.
  await expect(makeBooks(web, [70])).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(
      /(?:are moved to another map, or have been moved, by reshard\(\)|are spread by the shard map \S+ \(epoch\/shards\), but this process uses \S+); nothing was done/u,
    ),
  });
  await expect(makeBooks(await library.open({ ...from, shards: 16 }), [71])).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
  });

  const next = await library.open({ ...OF_DATABASE, ...from, ...to });
  const losses = eventsOf(next, 'staging-loss');
  const rows = await next.em.getConnection().execute<{ id: number; sold: number }[]>('select id, sold from book');
  expect(
    rows
      .filter(({ sold }) => sold === 1)
      .map(({ id }) => id)
      .toSorted((a, b) => a - b),
  ).toEqual(IDS.slice(0, 30));
  expect(rows).toHaveLength(IDS.length);
  expect(await lettersOf(next)).toEqual([901, 902, 903].map((id) => `ROW_MISSING ${id}`));

  // The version that was written last is still remembered: a caller with an older one is refused at once.
  const patched = Spillway.of(next).patch(Book, 40, { title: 'older' }, { version: read?.version ?? 0 });
  await expect(patched).rejects.toThrow(OptimisticLockError);

  await makeBooks(next, [80, 81, 82]);
  expect(await next.em.fork().count(Book)).toBe(IDS.length + 3);
  const [letter] = await Spillway.of(next).deadLetters.list();
  await makeBooks(next, [Number(keyText(letter?.rowKey ?? ''))]);
  await Spillway.of(next).drain();
  // What was staged since has a higher number than the letter, whatever shard has counted it.
  expect(letter && (await Spillway.of(next).deadLetters.retry(letter))).toBe('newer');
  expect(letter && (await Spillway.of(next).deadLetters.retry(letter, { force: true }))).toBe('staged');
  await Spillway.of(next).drain();
  expect(losses).toEqual([]);
  expect((await Spillway.of(next).status()).pending).toEqual({});
});

test('F28: there and back again: what the first move has left does not count', async () => {
  await using library = await Library.on(2);
  const [here, there] = [one(library, 0), one(library, 1)];
  await fill(await library.open({ ...here, shards: 16 }));
  await move(library, here, { ...there, shards: 8 });
  await makeBooks(await library.open({ ...OF_DATABASE, ...there }), [101]);
  await move(library, there, { ...here, shards: 16 });
  const orm = await library.open({ ...OF_DATABASE, ...here });
  await makeBooks(orm, [102]);
  await Spillway.of(orm).drain();
  expect((await library.rows(orm)).slice(-2)).toEqual([101, 102]);
  expect(await lettersOf(orm)).toHaveLength(3);
});
