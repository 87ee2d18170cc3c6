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
  filled,
  IDS,
  idOn,
  lastEpochOn,
  lockRow,
  lockShard,
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
