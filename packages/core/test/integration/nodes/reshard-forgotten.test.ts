import type { MikroORM } from '@mikro-orm/postgresql';
import { freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Book, Library, makeBooks } from './fixture.js';
import { booksOn, direct, filled, idsOnPair, IDS, MISSING, move, reopenShards, sold } from './moves.js';
import { refuseMove } from './refuse-move.js';

const REFUSED = { code: 'SHARD_MAP_MISMATCH' };

/** A process with the old map, and a move that is interrupted in its second phase. */
async function interrupted(library: Library, namespace: string, at: 'grow' | 'end'): Promise<MikroORM> {
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  await makeBooks(web, [100]);
  const letGo = await refuseMove(library, at);
  await expect(move(library, namespace, direct(library, 0, 1), direct(library, 1, 2))).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringMatching(
      /^The move of the shards has begun and not ended \(.+\)\. No process can stage until it has, and nothing is lost\. Run reshard\(\) again/u,
    ),
  });
  await letGo();
  return web;
}

async function allMoved(library: Library, namespace: string): Promise<MikroORM> {
  const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
  await Spillway.of(next).drain();
  const letters = await Spillway.of(next).deadLetters.list();
  expect(letters.map(({ code }) => code)).toEqual(MISSING.map(() => 'ROW_MISSING'));
  return next;
}

test('F28: a server that is emptied in the middle of a move begins no shard of the old map', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  const web = await interrupted(library, namespace, 'grow');
  await library.command(0, 'FLUSHALL');
  for (const id of idsOnPair(0)) await expect(makeBooks(web, [200 + id])).rejects.toMatchObject(REFUSED);
  await move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
  const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
  await makeBooks(next, [101]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
});

test('F28: a process with the old map begins no shard at an old place that has been emptied since the move', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  await makeBooks(web, [100]);
  const orm = await library.open({ namespace, redis: direct(library, 0, 1), shards: 16 });
  // The same shards, on other servers.
  await Spillway.of(orm).reshard({ redis: direct(library, 2) });
  await library.command(0, 'FLUSHALL');
  const error: unknown = await makeBooks(
    web,
    idsOnPair(0).map((id) => 200 + id),
  ).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    ...REFUSED,
    message: expect.stringMatching(
      /^The shards of the namespace "\S+" have been moved by reshard\(\) since this process began; nothing was done\./u,
    ),
  });
});

test.each([
  ['grow', [0, 1]],
  ['end', [0]],
  ['end', [0, 1]],
] as const)(
  'F28: what is staged where servers have forgotten a move (interrupted at its %s, servers %j) is written with it',
  async (at, places) => {
    await using library = await Library.on(3);
    const namespace = freshNamespace();
    const web = await interrupted(library, namespace, at);
    await reopenShards(library, namespace, places);
    const ids = booksOn(...places);
    for (const id of ids) await Spillway.of(web).increment(Book, id, { sold: 1 });
    await move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
    const next = await allMoved(library, namespace);
    expect(await sold(next)).toEqual(IDS.map((id) => (ids.includes(id) ? 2 : 1)));
    await expect(makeBooks(web, [300])).rejects.toMatchObject(REFUSED);
    for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
    await Spillway.of(next).drain();
    expect(await sold(next)).toEqual(IDS.map((id) => (ids.includes(id) ? 3 : 2)));
  },
);

test.each([24, 5])(
  'F28: a server alone that has forgotten a move to %i shards writes what it has taken since',
  async (shards) => {
    await using library = await Library.on(1);
    const [server] = library.servers;
    const options = { redis: server?.url ?? '', shards: 16 };
    const web = await library.open(options);
    await makeBooks(web, IDS);
    for (const id of MISSING) await Spillway.of(web).increment(Book, id, { sold: 1 });
    await Spillway.of(web).drain();
    const chains = Array.from({ length: 16 }, (_, shard) => `{${library.namespace}:${shard}}:chain`);
    const epochs = await Promise.all(chains.map(async (chain) => library.command(0, 'HGET', chain, 'epoch')));
    const letGo = await refuseMove(library, 'end');
    const reshard = async () => Spillway.of(await library.open(options)).reshard({ shards });
    await expect(reshard()).rejects.toThrow(/begun and not ended/u);
    await letGo();
    for (const [at, chain] of chains.entries()) await library.command(0, 'HSET', chain, 'epoch', String(epochs[at]));
    for (const id of IDS) await Spillway.of(web).increment(Book, id, { sold: 1 });
    await reshard();
    await expect(makeBooks(web, [300])).rejects.toMatchObject(REFUSED);
    const next = await library.open({ ...options, shards });
    for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
    await Spillway.of(next).drain();
    expect(await sold(next)).toEqual(IDS.map(() => 2));
    expect(await Spillway.of(next).deadLetters.list()).toHaveLength(MISSING.length);
  },
);
