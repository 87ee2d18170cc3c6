import { eventually, freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Spillway, type SpillwayOptions } from '../../../src/index.js';
import { RequestCount } from './cut-proxy.js';
import { Book, Library, makeBooks } from './fixture.js';
import { behindProxies, direct, filled, IDS, lockRow, MISSING, move, sold } from './moves.js';

/** Requests of a whole move, so that the cuts are all over it. */
async function requestsOfMove(library: Library): Promise<number> {
  const namespace = freshNamespace();
  await filled(library, namespace);
  const count = new RequestCount(Number.POSITIVE_INFINITY);
  const { proxies, of } = await behindProxies(library, [0, 1, 2], count);
  await move(library, namespace, of(0, 1), of(1, 2));
  for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
  return count.taken;
}

test('F28: a move that is interrupted anywhere is run again, and nothing is lost or written twice', async () => {
  await using library = await Library.on(3);
  const requests = await requestsOfMove(library);
  const cuts = Array.from({ length: 8 }, (_, at) => Math.floor(((at + 1) * requests) / 9));
  let interrupted = 0;
  for (const cut of cuts) {
    const namespace = freshNamespace();
    await filled(library, namespace);
    const { proxies, of } = await behindProxies(library, [0, 1, 2], new RequestCount(cut));
    await move(library, namespace, of(0, 1), of(1, 2)).catch(() => (interrupted += 1));
    for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();

    await move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
    const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
    const letters = await Spillway.of(next).deadLetters.list();
    expect(letters.map(({ code }) => code)).toEqual(MISSING.map(() => 'ROW_MISSING'));
    expect(new Set(letters.map(({ rowKey }) => rowKey)).size).toBe(MISSING.length);
    for (const id of IDS) await Spillway.of(next).increment(Book, id, { sold: 1 });
    await Spillway.of(next).drain();
    expect(await sold(next)).toEqual(IDS.map(() => 2));
    await Spillway.of(next).stop();
  }
  expect(interrupted).toBeGreaterThan(4);
});

test('a move that cannot write what is pending opens the old map again', async () => {
  await using library = await Library.on(2);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  const letGo = await lockRow(web, 1);
  const orm = await library.open({ namespace, redis: direct(library, 0, 1) });
  const late: unknown = await Spillway.of(orm)
    .reshard({ shards: 24 }, { timeout: '900ms' })
    .catch((error: unknown) => error);
  expect(late).toMatchObject({
    code: 'DRAIN_TIMEOUT',
    message: expect.stringMatching(
      /^The shards were not moved, because not all pending changes could be written in time \(.*1 of Book.*\)\. .*The old map counts again, and nothing is lost\. See why/u,
    ),
  });
  await letGo();
  await makeBooks(web, [50]);
  await Spillway.of(web).drain();
  expect(await sold(web)).toEqual(IDS.map(() => 1));
});

test('while a move has not ended, no process opens, another move is refused, and it can be taken back', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  const letGo = await lockRow(web, 1);
  const count = new RequestCount(Number.POSITIVE_INFINITY);
  const { proxies, of } = await behindProxies(library, [0, 1], count);
  const cut = move(library, namespace, of(0, 1), direct(library, 1, 2));
  const refusal = await eventually(async () => {
    const during = await library.open({ namespace, redis: direct(library, 0, 1) });
    const error: unknown = await Spillway.of(during)
      .start()
      .catch((thrown: unknown) => thrown);
    // Where it has asked the database before the move was noted, Redis refuses it.
    expect(String(error)).toMatch(/The shards of the namespace/u);
    return error;
  });
  count.cut();
  await expect(cut).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(/^The shards were not moved \(.+\), and the old map could not be opened again/u),
  });
  for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
  expect(refusal).toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(
      /^The shards of the namespace "\S+" are moved from 16 shards over "node-0" and "node-1" \(map \w+\) to 24 shards over .+; nothing was done\. Wait until reshard\(\) has ended\. If it was interrupted, run it again, to the same map or to the old one /u,
    ),
  });
  await letGo();
  await expect(move(library, namespace, direct(library, 0, 1), direct(library, 2))).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(/^A move from .+ to .+ has begun, but this is one from .+; nothing was done\./u),
  });
  const back = await library.open({ namespace, redis: direct(library, 0, 1) });
  await Spillway.of(back).reshard({ redis: direct(library, 0, 1), shards: 16 });
  const again = await library.open({ namespace, redis: direct(library, 0, 1) });
  await makeBooks(again, [52]);
  await Spillway.of(again).drain({ until: 'written' });
  expect(await sold(again)).toEqual(IDS.map(() => 1));
});

test('F28: of two moves at once one is made, and the other one is refused and changes nothing', async () => {
  await using library = await Library.on(3);
  for (let round = 0; round < 4; round += 1) {
    const namespace = freshNamespace();
    await filled(library, namespace);
    // Something to write keeps both at work for a while.
    const letGo = await lockRow(await library.open({ namespace, redis: direct(library, 0, 1) }), 1);
    const moves = [0, 1].map(async (number) => {
      await new Promise((resolve) => setTimeout(resolve, number * (50 + 100 * round)));
      return move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
    });
    const both = Promise.allSettled(moves);
    await new Promise((resolve) => setTimeout(resolve, 900));
    await letGo();
    const ended = await both;
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = ended.find((each) => each.status === 'rejected');
    expect(String(refused?.reason)).toMatch(
      // The database may have noted the move, or Redis have closed the shards, when the other process opens them.
      /Another process moves the shards of the namespace "\S+" now|The shards of th(?:e|is) namespace .+ are moved /u,
    );
    await expect(makeBooks(await library.open({ namespace, redis: direct(library, 0, 1) }), [70])).rejects.toThrow(
      /SHARD_MAP_MISMATCH/u,
    );
    const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
    await makeBooks(next, [71]);
    await Spillway.of(next).drain();
    expect(await sold(next)).toEqual(IDS.map(() => 1));
  }
});

test('a move is refused while another process has the right to move, and made afterwards', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const sink = openPostgresSink({
    connection: { connectionString: library.databaseUrl },
    namespace,
    poolSize: 1,
    tables: [],
  });
  const right = await sink.takeMoveRight();
  await expect(move(library, namespace, direct(library, 0, 1), direct(library, 1, 2))).rejects.toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(
      /^Another process moves the shards of the namespace "\S+" now; nothing was done\. Wait until its reshard\(\) has ended/u,
    ),
  });
  await right?.[Symbol.asyncDispose]();
  await sink.close();
  await move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
  const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
  await makeBooks(next, [72]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
});

test('a map that is there already, a store of its own, and servers in use are refused', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const refused = async (map: Pick<SpillwayOptions, 'redis' | 'shards'>): Promise<unknown> => {
    const orm = await library.open({ namespace, redis: direct(library, 0, 1) });
    return Spillway.of(orm)
      .reshard(map)
      .catch((error: unknown) => error);
  };
  expect(await refused({ shards: 16 })).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/^reshard\(\) was given the map that the namespace has already: 16 shards over/u),
  });
  expect(await refused({ shards: 0 })).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await refused({ servers: 3 } as never)).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/servers.*the map of reshard\(\)/u),
  });
  const [, second] = library.servers;
  const twice = {
    nodes: [
      { name: 'one', redis: second?.url ?? '' },
      { name: 'two', redis: `redis://localhost:${second?.port}` },
    ],
  };
  expect(await refused({ redis: twice })).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(
      /^The nodes "one" and "two" of the new map are one Redis server, at 127\.0\.0\.1:\d+ and localhost:\d+; nothing was done\./u,
    ),
  });
  // A process has begun with the new server too early.
  await makeBooks(await library.open({ namespace, redis: direct(library, 2) }), [60]);
  expect(await refused({ redis: direct(library, 1, 2) })).toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(
      /^Redis at 127\.0\.0\.1:\d+ has shards? .+ of this namespace in use by another map/u,
    ),
  });
  const memory = await library.open({
    namespace: freshNamespace(),
    redis: undefined as never,
    staging: memoryStaging({ shards: 16 }),
  });
  await expect(Spillway.of(memory).reshard({ shards: 8 })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/^reshard\(\) moves shards of Redis, but the option "staging"/u),
  });
});
