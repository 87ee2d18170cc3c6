import { raw, type EntityManager, type MikroORM, type RawQueryFragment } from '@mikro-orm/core';
import { Spillway } from '@spillway/core';
import { Product } from '../entities.js';

/** How views are counted: all that the two shops do differently. */
export interface Counting {
  /** Counts a view of a product that was loaded for its page. */
  seen(em: EntityManager, product: Product): Promise<unknown>;
  /** Counts a view without loading the product. */
  unseen(id: string): Promise<unknown>;
}

/** A view is a change like any other: `views` is a counter, so it never conflicts. */
export function countBehind(orm: MikroORM): Counting {
  return {
    seen(em, product) {
      product.views += 1;
      return em.flush();
    },
    unseen: (id) => Spillway.of(orm).increment(Product, id, { views: 1 }),
  };
}

/**
 * What plain MikroORM does best: one statement that adds in the database. `product.views += 1` and a flush would find
 * the version of a busy product taken again and again. The statement keeps the version, so that it makes nobody stale.
 */
export function countByStatement(orm: MikroORM): Counting {
  const count = (em: EntityManager, id: string): Promise<unknown> =>
    em.nativeUpdate(Product, id, { views: sql('views + 1'), version: sql('version') });
  return {
    seen: (em, product) => count(em, product.id),
    unseen: (id) => count(orm.em.fork(), id),
  };
}

function sql(text: string): RawQueryFragment {
  return raw<RawQueryFragment>(text);
}
