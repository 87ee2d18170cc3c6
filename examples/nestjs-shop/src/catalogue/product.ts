import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { SpillwayRepository, WriteBehind } from '@spillway/core';

/**
 * The page of a product. Every look at it is counted, but for one at a product that does not exist; names
 * and prices change now and then, and two who change different ones do not hinder each other.
 */
@Entity({ repository: () => ProductRepository })
@WriteBehind<Product>({
  debounce: '200ms',
  maxDelay: '2s',
  counters: ['views'],
  missing: 'drop',
  conflict: 'merge',
})
export class Product {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'text' })
  name!: string;

  /** In cents. */
  @Property({ type: 'integer' })
  price!: number;

  @Property({ type: 'integer' })
  views: number & Opt = 0;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

export class ProductRepository extends SpillwayRepository<Product> {}
