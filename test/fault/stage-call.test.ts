import { sharedRedisUrl, TcpProxy } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround } from './support/ground.js';
import { asAcknowledged, withoutDoubt } from './support/journal.js';
import { Programs } from './support/programs.js';

// One shard, so that each unit of work is one stage call.
const DYING = { name: 'app', seed: 2, lanes: 1, worker: false };

test('F1: what an application was about to stage when it was killed is nowhere', async () => {
  await using ground = await breakGround({ shards: 1 });
  await using programs = new Programs();
  const application = programs.application({ ...ground.place, ...DYING, dieAt: { moment: 'before-stage', call: 60 } });
  await application.endsWith('SIGKILL');
  await ground.spillway.drain();
  await ground.settled();
  const journal = application.journal();
  expect(compare([journal], await ground.rows())).toMatchObject({ acknowledged: 59, doubtful: 1 });
  expect(compare([withoutDoubt(journal)], await ground.rows())).toEqual({ acknowledged: 59, doubtful: 0, wrong: [] });
});

test('F2: what an application has staged is written once, though it was killed before it heard so', async () => {
  await using ground = await breakGround({ shards: 1 });
  await using programs = new Programs();
  const application = programs.application({ ...ground.place, ...DYING, dieAt: { moment: 'after-stage', call: 60 } });
  await application.endsWith('SIGKILL');
  await ground.spillway.drain();
  await ground.settled();
  const journal = application.journal();
  expect(compare([journal], await ground.rows())).toMatchObject({ acknowledged: 59, doubtful: 1 });
  expect(compare([asAcknowledged(journal)], await ground.rows())).toEqual({ acknowledged: 60, doubtful: 0, wrong: [] });
});

test.each(['answer', 'request'] as const)(
  'F2: a stage call whose %s is lost with its connection is sent again under its id, and applied once',
  async (loss) => {
    await using proxy = await TcpProxy.before(sharedRedisUrl());
    await using ground = await breakGround({ shards: 1, servers: { redisUrl: proxy.url } });
    const em = ground.orm.em.fork();
    const page = em.create(Page, { id: 'needle', hits: 10 });
    await em.flush();
    // Counts alone: nothing but the call's id would keep them from being counted again.
    page.hits += 1;
    const lost = proxy.lose(loss, 'needle');
    await em.flush();
    await lost;
    page.hits += 1;
    await em.flush();
    await ground.spillway.drain();
    await ground.settled();
    expect((await ground.rows()).pages).toEqual([{ id: 'needle', hits: 12 }]);
  },
);
