import { eventually } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Book, Library, makeBooks } from './fixture.js';

test('a transaction holds rows on two servers, and what it held is staged on both by its commit', async () => {
  await using library = await Library.on(2);
  const orm = await library.open();
  const ids = [...library.idsOf(0, 2), ...library.idsOf(1, 2)];
  await makeBooks(orm, ids);
  await Spillway.of(orm).drain();
  await orm.em.fork().transactional(
    async (em) => {
      for (const book of await em.find(Book, { id: { $in: ids } })) book.sold = 7;
      await em.flush();
      expect((await Spillway.of(orm).status()).held).toBe(4);
    },
    { spillway: 'stage' },
  );
  expect(await Spillway.of(orm).status()).toMatchObject({ held: 0, pending: { Book: 4 } });
  await Spillway.of(orm).drain();
  expect(await orm.em.getConnection().execute('select distinct sold from book')).toEqual([{ sold: 7 }]);
});

test('a server that is lost before the commit keeps its holds, and they are staged when it is back', async () => {
  await using library = await Library.on(2);
  const orm = await library.open();
  const [here, there] = [library.idsOf(0, 2), library.idsOf(1, 2)];
  const ids = [...here, ...there];
  await makeBooks(orm, ids);
  await Spillway.of(orm).drain();
  await orm.em.fork().transactional(
    async (em) => {
      for (const book of await em.find(Book, { id: { $in: ids } })) book.sold = 7;
      await em.flush();
      await library.servers[1]?.kill9();
    },
    { spillway: 'stage' },
  );
  // The look-up meets no hold any more, or ends it: on a server whose neighbour is away.
  expect(await orm.em.fork().findOneOrFail(Book, here[0] ?? 0)).toMatchObject({ sold: 7 });
  const worker = await library.open({ worker: true });
  const soldOf = async (some: readonly number[]): Promise<unknown> =>
    orm.em.getConnection().execute(`select distinct sold from book where id in (${some.join()})`);
  await eventually(async () => expect(await soldOf(here)).toEqual([{ sold: 7 }]));
  expect(await soldOf(there)).toEqual([{ sold: 0 }]);
  await library.servers[1]?.restart();
  await eventually(async () => expect(await soldOf(there)).toEqual([{ sold: 7 }]));
  expect((await Spillway.of(worker).status()).held).toBe(0);
});

test('a hold of a process that has died is ended by a look-up, though another server is away', async () => {
  await using library = await Library.on(2);
  const dying = await library.open();
  const looking = await library.open();
  const [here = 0] = library.idsOf(0, 1);
  await makeBooks(dying, [here]);
  await Spillway.of(dying).drain();
  // Both servers are away when it commits, so that nothing tells the hold.
  await dying.em.fork().transactional(
    async (em) => {
      (await em.findOneOrFail(Book, here)).sold = 7;
      await em.flush();
      for (const server of library.servers) await server.kill9();
    },
    { spillway: 'stage' },
  );
  await dying.close();
  await library.servers[0]?.restart();
  await eventually(async () => expect(await looking.em.fork().findOneOrFail(Book, here)).toMatchObject({ sold: 7 }));
});
