import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Note } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

const shop = pgliteShop();

test('a flush whose COMMIT is refused gives the connection back, and is written later', async () => {
  const orm = await shop.orm();
  const id = await newProduct(orm);
  // Whoever defers what Spillway has made immediate is heard of no sooner than by COMMIT.
  await shop.pglite.exec(`
    create function defer() returns trigger language plpgsql as $$ begin set constraints all deferred; return new; end $$;
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'at the end'; end $$;
    create trigger defers before insert on product for each row execute function defer();
    create constraint trigger refuses after insert on product deferrable initially deferred for each row execute function refuse();
  `);
  const refused = Spillway.of(orm).drain(undefined, { timeout: '300ms' });
  await expect(refused).rejects.toMatchObject({ code: 'DRAIN_TIMEOUT' });
  expect(await orm.em.fork().count(Note)).toBe(0);
  await shop.pglite.exec('drop trigger defers on product; drop trigger refuses on product');
  expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  expect(await productRows(shop.pglite, id)).toHaveLength(1);
});
