import { eventually, freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { RequestCount } from './cut-proxy.js';
import { Library, makeBooks } from './fixture.js';
import {
  behindProxies,
  cancelWaitForShards,
  direct,
  emptyShard,
  endMoveRight,
  filled,
  IDS,
  idOn,
  lastEpochOn,
  lockRow,
  lockShard,
  MISSING,
  move,
  pendingOn,
  sold,
} from './moves.js';

/** The shards are closed, and the one change that cannot be written is all that is left. */
async function isLeftAlone(library: Library, namespace: string): Promise<void> {
  expect(await pendingOn(library, namespace, 0)).toBe(0);
  expect(await pendingOn(library, namespace, 1)).toBe(1);
  expect(await lastEpochOn(library, namespace, 1)).toMatch(/>/u);
}

test('F28: a server that goes away while the rest is written keeps its changes, and the move is run again', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  // Nothing else of its server is left when that goes away, and nothing at all of the other one.
  const kept = idOn(1);
  const letGo = await lockRow(web, kept);
  const [staying, leaving] = [0, 1].map(() => new RequestCount(Number.POSITIVE_INFINITY)) as [
    RequestCount,
    RequestCount,
  ];
  const { of, proxies } = await behindProxies(library, [0], staying);
  const cut = await behindProxies(library, [1], leaving);
  const from = { nodes: [...of(0).nodes, ...cut.of(1).nodes] };
  const moving = move(library, namespace, from, direct(library, 1, 2)).catch((error: unknown) => error);
  await eventually(async () => {
    await isLeftAlone(library, namespace);
  });
  leaving.cut();
  expect(await moving).toMatchObject({ code: expect.any(String) });
  for (const proxy of [...proxies.values(), ...cut.proxies.values()]) await proxy[Symbol.asyncDispose]();
  await letGo();
  await move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
  const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
  await makeBooks(next, [73]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
});

test('a transaction that keeps a shard delays a move, which goes on when it has ended', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  const letGoShard = await lockShard(web, namespace, emptyShard());
  const letGoRow = await lockRow(web, idOn(1));
  const moving = move(library, namespace, direct(library, 0, 1), direct(library, 1, 2));
  moving.catch(() => undefined);
  // Where the shards of the old map are begun.
  for (let time = 0; time < 2; time += 1)
    await eventually(async () => expect(await cancelWaitForShards(web)).toBe(true));
  await letGoShard();
  await eventually(async () => isLeftAlone(library, namespace));
  // Where the process looks whether anything is left.
  const letGoAgain = await lockShard(web, namespace, emptyShard());
  await letGoRow();
  for (let time = 0; time < 2; time += 1)
    await eventually(async () => expect(await cancelWaitForShards(web)).toBe(true));
  await letGoAgain();
  await moving;
  const next = await library.open({ namespace, redis: direct(library, 1, 2), shards: 24 });
  await makeBooks(next, [74]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
});

test('a move to other servers of the same names is made when it is run again, and not taken back', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  const letGo = await lockRow(web, idOn(1));
  const count = new RequestCount(Number.POSITIVE_INFINITY);
  const { proxies, of } = await behindProxies(library, [0, 1], count);
  const [first, second] = library.servers.map(({ url }) => url).slice(1) as [string, string];
  const renamed = {
    nodes: [
      { name: 'node-0', redis: second },
      { name: 'node-1', redis: first },
    ],
  };
  const reshard = async (redis: typeof renamed | ReturnType<typeof of>) => {
    const orm = await library.open({ namespace, redis });
    return Spillway.of(orm).reshard({ redis: renamed });
  };
  const cut = reshard(of(0, 1)).catch((error: unknown) => error);
  await eventually(async () => isLeftAlone(library, namespace));
  count.cut();
  expect(await cut).toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
  for (const proxy of proxies.values()) await proxy[Symbol.asyncDispose]();
  await letGo();
  await reshard(direct(library, 0, 1));
  await expect(
    makeBooks(
      web,
      IDS.map((id) => 100 + id),
    ),
  ).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
  const next = await library.open({ namespace, redis: renamed });
  await makeBooks(next, [75]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
  expect(await Spillway.of(next).deadLetters.list()).toHaveLength(MISSING.length);
});

test('F28: a move that loses its right changes nothing any more, and another process makes it meanwhile', async () => {
  await using library = await Library.on(3);
  const namespace = freshNamespace();
  await filled(library, namespace);
  const web = await library.open({ namespace, redis: direct(library, 0, 1) });
  const letGo = await lockRow(web, idOn(1));
  const [from, to] = [direct(library, 0, 1), direct(library, 1, 2)];
  const first = move(library, namespace, from, to).catch((error: unknown) => error);
  await eventually(async () => isLeftAlone(library, namespace));
  await endMoveRight(web);
  const second = move(library, namespace, from, to);
  await letGo();
  expect(await first).toMatchObject({
    code: 'SHARD_MAP_MISMATCH',
    message: expect.stringMatching(
      /^The shards were not moved \(The process that moves the shards of the namespace "\S+" has lost its right to: .+\), and the old map could not be opened again/u,
    ),
  });
  await second;
  await expect(makeBooks(web, [301])).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
  const next = await library.open({ namespace, redis: to, shards: 24 });
  await makeBooks(next, [76]);
  await Spillway.of(next).drain();
  expect(await sold(next)).toEqual(IDS.map(() => 1));
  expect(await Spillway.of(next).deadLetters.list()).toHaveLength(MISSING.length);
});
