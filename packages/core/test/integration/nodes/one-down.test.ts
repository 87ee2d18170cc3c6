import { eventually } from '@spillway/test-support';
import { describe, expect, test } from 'vitest';
import { Spillway, StagingPartialError } from '../../../src/index.js';
import { Book, eventsOf, Library, makeBooks } from './fixture.js';

const THERE = 0;
const AWAY = 1;

/** What is said of the server that is away: which one it is, and what it has. */
function named(library: Library): RegExp {
  const [, server] = library.servers;
  return new RegExp(
    `Redis at 127\\.0\\.0\\.1:${server?.port} .*It is node "node-1" and has shards [\\d, ]+ and \\d+`,
    'u',
  );
}

describe('while one of two servers is away', () => {
  test('the other stages, is looked at, and its changes are written; the calls of the lost one say so', async () => {
    await using library = await Library.on(2);
    const web = await library.open();
    const worker = await library.open({ worker: true });
    const [down, up] = [eventsOf(worker, 'staging-down'), eventsOf(worker, 'staging-up')];
    const here = library.idsOf(THERE, 6);
    const there = library.idsOf(AWAY, 6);
    await makeBooks(web, [...here.slice(0, 2), ...there.slice(0, 2)]);
    await Spillway.of(web).drain();

    await library.servers[AWAY]?.kill9();
    await makeBooks(web, here.slice(2, 4));
    const failed: unknown = await makeBooks(web, there.slice(2, 4)).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'STAGING_UNAVAILABLE', message: expect.stringMatching(named(library)) });
    const both: unknown = await makeBooks(web, [here[4] ?? 0, there[4] ?? 0]).catch((error: unknown) => error);
    expect(both).toMatchObject({ code: 'STAGING_UNAVAILABLE', message: expect.stringMatching(named(library)) });
    expect(both).not.toBeInstanceOf(StagingPartialError);

    expect(await web.em.fork().findOne(Book, here[2] ?? 0)).toMatchObject({ title: `book ${here[2]}` });
    await expect(web.em.fork().findOne(Book, there[0] ?? 0)).rejects.toThrow(named(library));
    await expect(web.em.fork().count(Book)).rejects.toThrow(named(library));
    await expect(Spillway.of(web).drain()).rejects.toThrow(named(library));
    await makeBooks(web, [here[5] ?? 0]);
    await expect(web.schema.clear()).rejects.toThrow(named(library));
    expect(await web.em.fork().count(Book, {}, { spillway: 'database' })).toBeGreaterThanOrEqual(4);

    const written = [...here.slice(0, 4), here[5] ?? 0, ...there.slice(0, 2)].toSorted((one, other) => one - other);
    await eventually(async () => expect(await library.rows(worker)).toEqual(written));
    expect(await Spillway.of(web).health()).toMatchObject({
      status: 'degraded',
      states: ['staging-silent'],
      problems: [expect.stringMatching(named(library))],
    });
    expect((await Spillway.of(web).status()).silentShards).toEqual(library.map.shardsOf('node-1'));
    await eventually(() =>
      expect(new Set(down.flatMap(({ shards }) => shards))).toEqual(new Set(library.map.shardsOf('node-1'))),
    );

    await library.servers[AWAY]?.restart();
    await eventually(async () => makeBooks(web, there.slice(2, 4)));
    await eventually(async () => expect(await library.rows(worker)).toContain(there[3]));
    await eventually(async () => expect(await Spillway.of(web).health()).toMatchObject({ status: 'up' }));
    await eventually(() =>
      expect(new Set(up.flatMap(({ shards }) => shards))).toEqual(new Set(library.map.shardsOf('node-1'))),
    );
    expect((await Spillway.of(web).status()).silentShards).toBeUndefined();
  });

  test('what it has claimed or not yet acknowledged is written once, when it is back', async () => {
    await using library = await Library.on(2);
    const web = await library.open();
    const [here = 0] = library.idsOf(THERE, 1);
    const [there = 0] = library.idsOf(AWAY, 1);
    await makeBooks(web, [here, there]);
    await Spillway.of(web).drain();
    const count = async (): Promise<void> => {
      const em = web.em.fork();
      for (const book of await em.find(Book, { id: { $in: [here, there] } })) book.sold += 1;
      await em.flush();
    };
    await count();
    await library.servers[AWAY]?.kill9();
    const worker = await library.open({ worker: true });
    await eventually(async () =>
      expect(await worker.em.getConnection().execute('select sold from book where id = ?', [here])).toEqual([
        { sold: 1 },
      ]),
    );
    await library.servers[AWAY]?.restart();
    await eventually(async () =>
      expect(await worker.em.getConnection().execute('select sold from book order by id')).toEqual([
        { sold: 1 },
        { sold: 1 },
      ]),
    );
    await count();
    await Spillway.of(web).drain();
    expect(await worker.em.getConnection().execute('select sold from book')).toEqual([{ sold: 2 }, { sold: 2 }]);
  });

  test('a process that begins meanwhile works with the other, and with both when it is back', async () => {
    await using library = await Library.on(2);
    const [here = 0] = library.idsOf(THERE, 1);
    const [there = 0] = library.idsOf(AWAY, 1);
    await library.servers[AWAY]?.kill9();
    const late = await library.open({ worker: true });
    await makeBooks(late, [here]);
    await eventually(async () => expect(await library.rows(late)).toEqual([here]));
    await expect(makeBooks(late, [there])).rejects.toThrow(named(library));
    expect(await Spillway.of(late).health()).toMatchObject({ status: 'degraded', states: ['staging-silent'] });

    await library.servers[AWAY]?.restart();
    await eventually(async () => makeBooks(late, [there]));
    await eventually(async () => expect(await library.rows(late)).toHaveLength(2));
    expect(await Spillway.of(late).health()).toMatchObject({ status: 'up' });
  });

  test('a process that finds none of them says so', async () => {
    await using library = await Library.on(2);
    for (const server of library.servers) await server.kill9();
    const late = await library.open();
    await expect(makeBooks(late, [1])).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(await Spillway.of(late).health()).toMatchObject({ status: 'down', states: ['staging-silent'] });
  });

  test('as one that accepts connections and answers nothing, the changes of the other are written', async () => {
    await using library = await Library.on(2);
    const web = await library.open();
    const worker = await library.open({ worker: true });
    const here = library.idsOf(THERE, 5);
    const [there = 0] = library.idsOf(AWAY, 1);
    await makeBooks(web, [here[0] ?? 0, there]);
    await eventually(async () => expect(await library.rows(worker)).toHaveLength(2));
    library.servers[AWAY]?.pause();
    try {
      await makeBooks(web, here.slice(1));
      await eventually(async () => expect(await library.rows(worker)).toHaveLength(6));
      await expect(web.em.fork().findOne(Book, here[1] ?? 0)).resolves.toMatchObject({ id: here[1] });
    } finally {
      library.servers[AWAY]?.resume();
    }
    await eventually(async () => expect(await Spillway.of(web).health()).toMatchObject({ status: 'up' }));
  });

  test('one that is full refuses its changes, is named by health, and takes nothing from the other', async () => {
    await using library = await Library.on(2);
    const web = await library.open();
    const [here = 0] = library.idsOf(THERE, 1);
    const [there = 0] = library.idsOf(AWAY, 1);
    await makeBooks(web, [here]);
    await library.command(AWAY, 'CONFIG', 'SET', 'maxmemory', '1');
    await expect(makeBooks(web, [there])).rejects.toMatchObject({
      code: 'STAGING_FULL',
      message: expect.stringMatching(named(library)),
    });
    await makeBooks(web, library.idsOf(THERE, 2).slice(1));
    expect(await Spillway.of(web).health()).toMatchObject({
      status: 'degraded',
      states: ['staging-full'],
      problems: [expect.stringMatching(named(library))],
    });
  });
});
