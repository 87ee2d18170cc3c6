import { eventually, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround, type Ground } from './support/ground.js';
import type { Entry } from './support/journal.js';
import { Load } from './support/load.js';

const PAGES = ['page 0', 'page 1', 'page 2'];

/** In the journals, the pages begin at nothing. */
async function makePages({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (const id of PAGES) em.create(Page, { id, hits: 0 });
  await em.flush();
  await spillway.drain();
}

test('F21: a Redis with appendfsync always that is killed and started again under load loses nothing, and nothing is written twice', async () => {
  await using server = await redis({ appendfsync: 'always' });
  await using ground = await breakGround({ servers: { redisUrl: server.url }, spillway: { worker: true } });
  await makePages(ground);
  const load = new Load(ground.orm, PAGES);
  for (let round = 0; round < 3; round++) {
    await load.goesOn(50);
    await server.kill9();
    const failed = load.errors.length;
    await eventually(() => load.errors.length > failed, { what: 'flushes to fail' });
    await server.restart();
  }
  await load.goesOn(50);
  await load.end();
  await ground.settled();
  expect(compare([load.journal], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
});

test('H14: after a FLUSHALL under load, whatever is staged is adopted and written, and nothing new is parked', async () => {
  await using server = await redis();
  await using ground = await breakGround({ servers: { redisUrl: server.url }, spillway: { worker: true } });
  await makePages(ground);
  const client = new Redis(server.url);
  const load = new Load(ground.orm, PAGES);
  for (let round = 0; round < 3; round++) {
    await load.goesOn(50);
    await client.flushall();
    const emptied = load.journal.length;
    await load.goesOn(50);
    // What was acknowledged before is what FLUSHALL has taken; what was begun after it has to be there.
    const since = load.journal.slice(emptied);
    const begun = new Set(since.flatMap((entry) => (entry.kind === 'begun' ? [entry.work] : [])));
    const after: Entry[] = since.filter((entry) => 'work' in entry && begun.has(entry.work));
    await ground.spillway.drain();
    const { items } = await ground.rows();
    const done = after.flatMap((entry) => (entry.kind === 'done' ? [entry.work] : []));
    expect(done.length).toBeGreaterThan(0);
    expect(done.filter((work) => !items.some(({ id }) => id === work))).toEqual([]);
  }
  await load.end();
  client.disconnect();
  await ground.settled();
  expect(load.errors).toEqual([]);
});

test('what a FLUSHALL means for the rows is said once, in the log and by health', async () => {
  await using server = await redis();
  const lines: string[] = [];
  const logger = { warn: () => undefined, error: (line: string) => void lines.push(line) };
  await using ground = await breakGround({ servers: { redisUrl: server.url }, spillway: { worker: true, logger } });
  await makePages(ground);
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
  const em = ground.orm.em.fork();
  em.create(Item, { id: 'after', text: 'made' });
  await em.flush();
  await ground.spillway.drain();
  const said = expect.stringMatching(
    /The staging store has forgotten something in shards? [\d, ]+: .* Whatever else was acknowledged, .* is lost$/u,
  );
  await eventually(() => expect(lines).toEqual([said]));
  expect(await ground.spillway.health()).toMatchObject({ status: 'degraded', problems: [said] });
});

test.each([1, 4])(
  'F23: a Redis that accepts and never answers is a typed time-out, and the flush after it stages each change once (%i shards)',
  async (shards) => {
    await using server = await redis();
    const spillway = { stageTimeout: '100ms' } as const;
    await using ground = await breakGround({ shards, servers: { redisUrl: server.url }, spillway });
    await makePages(ground);
    const em = ground.orm.em.fork();
    const page = await em.findOneOrFail(Page, 'page 0');
    page.hits += 1;
    em.create(Item, { id: 'silence', text: 'made' });
    server.pause();
    const error: unknown = await em.flush().catch((thrown: unknown) => thrown);
    server.resume();
    expect(error).toMatchObject({ code: 'STAGING_TIMEOUT' });
    await eventually(async () => em.flush(), { what: 'the flush to be staged' });
    page.hits += 10;
    await em.flush();
    await ground.spillway.drain();
    await ground.settled();
    const { pages, items } = await ground.rows();
    expect(pages[0]).toEqual({ id: 'page 0', hits: 11 });
    expect(items).toEqual([{ id: 'silence', text: 'made', version: 1 }]);
  },
);
