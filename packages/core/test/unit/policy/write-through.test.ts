import { EntityRepository, MikroORM } from '@mikro-orm/core';
import { Entity, PrimaryKey } from '@mikro-orm/decorators/legacy';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { policyOn } from '../../../src/policy/attach-policy.js';
import { collectPolicies } from '../../../src/policy/policy-registry.js';
import { WriteBehind } from '../../../src/policy/write-behind.js';
import { WriteThrough } from '../../../src/policy/write-through.js';
import { policiesOf } from './policies-of.es.js';

@Entity()
@WriteThrough()
class Inside {
  @PrimaryKey({ type: 'integer' })
  id!: number;
}

@WriteThrough()
class StoredRepository extends EntityRepository<Stored> {}

@Entity({ repository: () => StoredRepository })
class Stored {
  @PrimaryKey({ type: 'integer' })
  id!: number;
}

describe('@WriteThrough as a legacy decorator', () => {
  it('is found on the entity class and on its repository class', async () => {
    const orm = await MikroORM.init({ driver: PostgreSqlDriver, dbName: 'none', entities: [Inside, Stored] });
    expect(policiesOf(orm)).toEqual({
      Inside: { mode: 'through' },
      Stored: { mode: 'through' },
    });
  });

  it('refuses options about waiting, by name', () => {
    class Product {
      id = 1;
    }
    expect(() => WriteThrough({ debounce: '1s' } as object)(Product)).toThrow(
      'Option "debounce" in the policy of Product is for entities that are written behind, but this one is written through: by SQL, at once. Remove it, or use @WriteBehind (mode: \'behind\') [CONFIG_INVALID]',
    );
    expect(() => WriteThrough({ counters: ['id'] } as object)(Product)).toThrow('Option "counters"');
    expect(policyOn(Product)).toBeUndefined();
  });

  it('does not stand beside @WriteBehind', () => {
    class Product {
      id = 1;
    }
    WriteThrough()(Product);
    WriteThrough()(Product);
    expect(() => WriteBehind()(Product)).toThrow(
      'Product carries both @WriteBehind and @WriteThrough. Keep one of them [CONFIG_INVALID]',
    );
    class ProductRepository {
      id = 1;
    }
    WriteBehind()(ProductRepository);
    const places = { name: 'Product', entityClass: Product, repositoryClass: ProductRepository };
    expect(() => collectPolicies([places], [])).toThrow(
      'Product has two policies that differ: one on the entity class Product, the other on the repository class ProductRepository. Keep one of them [CONFIG_INVALID]',
    );
  });

  it('is the mode of an entry in the policies of spillway(), where it has to be said', () => {
    class Product {
      id = 1;
    }
    const place = { name: 'Product', entityClass: Product };
    expect(collectPolicies([place], [[Product, { mode: 'through' }]]).get('Product')).toEqual({ mode: 'through' });
    WriteThrough()(Product);
    expect(() => collectPolicies([place], [[Product, {}]])).toThrow('Product has two policies that differ');
    class Order {
      id = 1;
    }
    WriteBehind({ debounce: 1 })(Order);
    const order = { name: 'Order', entityClass: Order };
    expect(collectPolicies([order], [[Order, { mode: 'behind', debounce: 1 }]]).size).toBe(1);
  });

  it('is not said by @WriteBehind', () => {
    class Product {
      id = 1;
    }
    expect(() => WriteBehind({ mode: 'through' } as object)(Product)).toThrow(
      "mode in the policy of Product is 'through', but it stands in @WriteBehind. Use @WriteThrough [CONFIG_INVALID]",
    );
    expect(() => WriteThrough()({} as never)).toThrow('@WriteThrough stands on an object; it must stand on a class');
  });
});
