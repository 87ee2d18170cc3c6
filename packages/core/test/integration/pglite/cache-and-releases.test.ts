import { freshNamespace } from '@spillway/test-support';
import { describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Author, Book } from '../cache/library.js';
import { Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

const shop = pgliteShop();

describe('the cache of an ORM on PGlite', () => {
  test.each([{}, { redis: 'shared' }])(
    'keeps copies, and forgets them for what a transaction writes (%o)',
    async (given) => {
      const orm = await shop.orm(given);
      const em = orm.em.fork();
      const author = em.create(Author, { name: 'Woolf' });
      const book = em.create(Book, { title: 'Orlando', author });
      await em.flush();
      await Spillway.of(orm).drain();
      const titles = async (): Promise<unknown[]> => [
        (await orm.em.fork().findOneOrFail(Book, book.id)).title,
        (await orm.em.fork().findOneOrFail(Author, author.id)).name,
      ];
      await titles();
      await shop.pglite.exec(`update book set title = 'past'; update author set name = 'past'`);
      expect(await titles()).toEqual(['Orlando', 'Woolf']);
      const failing = orm.em.fork().transactional(async (inner) => {
        (await inner.findOneOrFail(Book, book.id)).title = 'Flush';
        (await inner.findOneOrFail(Author, author.id)).name = 'V. Woolf';
        await inner.flush();
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      await orm.em.fork().transactional(async (inner) => {
        (await inner.findOneOrFail(Book, { title: 'past' })).title = 'Flush';
        (await inner.findOneOrFail(Author, author.id)).name = 'V. Woolf';
        await inner.flush();
        (await inner.findOneOrFail(Book, book.id)).loans += 1;
      });
      expect(await titles()).toEqual(['Flush', 'V. Woolf']);
    },
  );
});

describe('a release that does not stage any more', () => {
  test('finds in its first transaction what another one has left pending', async () => {
    const namespace = freshNamespace();
    const before = await shop.orm({ redis: 'shared', namespace });
    const id = await newProduct(before);
    const orm = await shop.orm({ redis: 'shared', namespace, enabled: false });
    await orm.em.fork().transactional(async (em) => {
      expect(await em.find(Product, { name: 'Kettle' })).toMatchObject([{ id }]);
    });
    expect(await productRows(shop.pglite, id)).toHaveLength(1);
  });

  test('asks no staging where nothing was staged', async () => {
    const orm = await shop.orm({ enabled: false, redis: 'redis://localhost:1' });
    const id = await newProduct(orm);
    expect(await productRows(shop.pglite, id)).toHaveLength(1);
    await orm.em.fork().transactional(async (em) => {
      expect(await em.count(Product)).toBe(1);
    });
  });
});
