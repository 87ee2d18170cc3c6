/** Compiled, never run: repositories, receipts, keys and increments. */
import { EntityRepository, type Opt, type PrimaryKeyProp } from '@mikro-orm/core';
import { expectTypeOf } from 'vitest';
import {
  type Increments,
  type KeyOf,
  type Receipt,
  type Spillway,
  SpillwayRepository,
  withSpillway,
} from '../../src/index.js';

declare class Product {
  id: string & Opt;
  name: string;
  views: number & Opt;
  /** Counters that MikroORM gives as texts are typed as numbers in texts. */
  balance: `${number}`;
  soldAt: Date | null;
}
declare class Line {
  [PrimaryKeyProp]?: ['order', 'number'];
  order: number;
  number: number;
  quantity: number;
}
class ProductRepository extends SpillwayRepository<Product> {
  async named(name: string): Promise<Product[]> {
    return this.find({ name });
  }
}
class LabelledRepository<T extends object> extends EntityRepository<T> {
  static readonly shelf = 'top';
  label(): string {
    return 'x';
  }
}
class LineRepository extends withSpillway(LabelledRepository<Line>) {}

export async function aRepositoryHasBoth(products: ProductRepository, product: Product): Promise<void> {
  expectTypeOf(await products.named('x')).toEqualTypeOf<Product[]>();
  const receipt = await products.save(product);
  expectTypeOf(receipt).toEqualTypeOf<Receipt<Product>>();
  await receipt.written({ timeout: '1s' });
  await products.save([product, product]);
  await products.remove(product);
  await products.patch('key', { name: 'x', soldAt: null }, { version: 3 });
  await products.increment('key', { views: 1, balance: '0.10' });
  const pending = await products.pending('key');
  expectTypeOf(pending?.changes.name).toEqualTypeOf<string | undefined>();
  expectTypeOf(await products.drain({ timeout: '2s' })).toEqualTypeOf<{ readonly left: number }>();
}

export async function aRepositoryThatExistsKeepsItsOwn(lines: LineRepository): Promise<void> {
  expectTypeOf(lines.label()).toBeString();
  expectTypeOf(LineRepository.shelf).toBeString();
  await lines.increment([1, 2], { quantity: 1 });
}

export async function whatIsWrongIsRefused(products: ProductRepository, service: Spillway): Promise<void> {
  // @ts-expect-error -- not an entity of this repository
  await products.save({ title: 'x' });
  // @ts-expect-error -- there is no such property
  await products.patch('key', { nam: 'x' });
  // @ts-expect-error -- a number is no key of it
  await products.patch(1, { name: 'x' });
  // @ts-expect-error -- a date is no counter
  await products.increment('key', { soldAt: 1 });
  // @ts-expect-error -- there is no such counter
  await service.increment(Product, 'key', { view: 1 });
  // @ts-expect-error -- a duration has a unit
  await products.drain({ timeout: '5' });
}

expectTypeOf<KeyOf<Product>>().toEqualTypeOf<string>();
expectTypeOf<Increments<Product>>().toExtend<{ readonly views?: number | bigint | string }>();
