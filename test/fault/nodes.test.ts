import { Spillway } from '@spillway/core';
import { eventually, redis, type PrivateRedis } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround, type Ground } from './support/ground.js';
import { Load } from './support/load.js';

const PAGES = Array.from({ length: 6 }, (_, number) => `page ${number}`);

async function servers(count: number): Promise<readonly PrivateRedis[] & AsyncDisposable> {
  const started = await Promise.all(Array.from({ length: count }, async () => redis({ appendfsync: 'always' })));
  const stop = async (): Promise<void> => void (await Promise.all(started.map(async (server) => server.stop())));
  return Object.assign(started, { [Symbol.asyncDispose]: stop });
}

async function groundOn(nodes: readonly PrivateRedis[]): Promise<Ground> {
  const redisNodes = { nodes: nodes.map(({ url }, place) => ({ name: `node-${place}`, redis: url })) };
  const ground = await breakGround({ shards: 16, redis: redisNodes, spillway: { worker: true } });
  const em = ground.orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await em.flush();
  await ground.spillway.drain();
  return ground;
}

test.each([2, 3])(
  'F26: one of %i servers is killed and started again under load: nothing is lost, and nothing is written twice',
  async (count) => {
    await using nodes = await servers(count);
    await using ground = await groundOn(nodes);
    const another = await ground.open({ worker: true });
    const [load, other] = [new Load(ground.orm, PAGES.slice(0, 3)), new Load(another, PAGES.slice(3))];
    for (let round = 0; round < 3; round++) {
      await load.goesOn(20);
      const victim = nodes[round % count] as PrivateRedis;
      await victim.kill9();
      const failed = load.errors.length;
      await eventually(() => load.errors.length > failed, { what: 'flushes to fail' });
      expect(await ground.spillway.health()).toMatchObject({ status: 'degraded', states: ['staging-silent'] });
      await victim.restart();
    }
    await Promise.all([load.goesOn(20), other.goesOn(20)]);
    await Promise.all([load.end(), other.end()]);
    await ground.settled();
    expect(compare([load.journal, other.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
    expect(await Spillway.of(another).health()).toMatchObject({ status: 'up' });
  },
);

test('F26: one of two servers stands still under load: nothing is lost, and nothing is written twice', async () => {
  await using nodes = await servers(2);
  await using ground = await groundOn(nodes);
  const load = new Load(ground.orm, PAGES);
  for (const server of nodes) {
    await load.goesOn(20);
    server.pause();
    const failed = load.errors.length;
    await eventually(() => load.errors.length > failed, { what: 'flushes to fail' });
    server.resume();
  }
  await load.goesOn(20);
  await load.end();
  await ground.settled();
  expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
});
