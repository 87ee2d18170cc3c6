import { EntityRepository, MikroORM } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/es';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { policyOn } from '../../../src/policy/attach-policy.js';
import { WriteBehind } from '../../../src/policy/write-behind.js';
import { policiesOf } from './policies-of.es.js';

@Entity()
@WriteBehind({ debounce: 1, counters: ['stock'] })
class Inside {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'integer' })
  stock!: number;
}

@WriteBehind({ debounce: 2 })
@Entity()
class Outside {
  @PrimaryKey({ type: 'integer' })
  id!: number;
}

@WriteBehind({ debounce: 3, counters: ['stock'] })
class StoredRepository extends EntityRepository<Stored> {}

@Entity({ repository: () => StoredRepository })
class Stored {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'integer' })
  stock!: number;
}

@Entity()
class Subclass extends Inside {}

describe('@WriteBehind as a standard decorator', () => {
  it('is found by what MikroORM has discovered, wherever it stands, and is not inherited', async () => {
    const entities = [Inside, Outside, Stored, Subclass];
    const orm = await MikroORM.init({ driver: PostgreSqlDriver, dbName: 'none', entities });

    expect(policiesOf(orm)).toEqual({
      Inside: { debounce: 1, counters: ['stock'] },
      Outside: { debounce: 2 },
      Stored: { debounce: 3, counters: ['stock'] },
    });
  });

  it('works beside static members and private names', () => {
    @WriteBehind({ debounce: 4 })
    class Product {
      static readonly #made = new Set<Product>();
      static readonly unit = 'piece';
      readonly #name = 'Pen';

      static made(): number {
        return Product.#made.add(new Product()).size;
      }

      get name(): string {
        return this.#name;
      }
    }
    expect(policyOn(Product)).toEqual({ debounce: 4 });
    expect([Product.unit, Product.made(), new Product().name]).toEqual(['piece', 1, 'Pen']);
  });

  it('refuses a second, different policy', () => {
    expect(() => {
      @WriteBehind({ debounce: 5 })
      @WriteBehind({ debounce: 6 })
      class Product {
        id = 1;
      }
      return Product;
    }).toThrow('Product carries two different @WriteBehind policies');
  });
});
