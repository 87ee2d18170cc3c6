/** Compiled, never run: with legacy and with standard decorators, by `types.test.ts`. */
import { defineEntity, EntityRepository, EntitySchema, p } from '@mikro-orm/core';
import type { Collection, Opt, Ref } from '@mikro-orm/core';
import { expectTypeOf } from 'vitest';
import type { SpillwayOptions } from '../../src/options.js';
import { resolveOptions } from '../../src/resolve-options.js';
import type { Conflict, Decision, EntityValues } from '../../src/policy/conflict-function.js';
import type { CounterName, EntityOf } from '../../src/policy/entity-types.js';
import { WriteBehind } from '../../src/policy/write-behind.js';
import { WriteThrough } from '../../src/policy/write-through.js';
import type { WritePolicy } from '../../src/policy/write-policy.js';

class Customer {
  id!: string;
  orders!: Collection<Order>;
}

class Order {
  id!: number;
  customer!: Ref<Customer>;
  billedTo!: Customer | null;
  placedAt!: Date;
  tags!: string[];
  size: 'small' | 'large' = 'small';

  total(): number {
    return 0;
  }
}

@WriteBehind({ debounce: '2s', detect: 'version', counters: ['stock', 'views', 'sold', 'balance', 'rating'] })
class Product {
  id!: string;
  name!: string;
  stock!: number;
  views: Opt<number> = 0;
  sold?: bigint;
  balance!: `${number}`;
  rating: number | undefined;
  weight!: number | null;
  soldAt!: Date;
  restock(): void {}
}

// Which properties can count.

expectTypeOf<CounterName<Product>>().toEqualTypeOf<'stock' | 'views' | 'sold' | 'balance' | 'rating'>();
expectTypeOf<CounterName<Record<string, unknown>>>().toEqualTypeOf<string>();
expectTypeOf<CounterName<Customer>>().toEqualTypeOf<never>();

// A misspelt counter, one that is no number, one that can be null, and one of no entity.

// @ts-expect-error: misspelt
@WriteBehind({ counters: ['stok'] })
class Misspelt extends Product {}

// @ts-expect-error: a name is no number
@WriteBehind({ counters: ['stock', 'name'] })
class NoNumber extends Product {}

// @ts-expect-error: can be null
@WriteBehind({ counters: ['weight'] })
class Nullable extends Product {}

// @ts-expect-error: a method
@WriteBehind({ counters: ['restock'] })
class Method extends Product {}

// With the entity named, the option itself is where the error stands.

@WriteBehind<Product>({
  counters: ['stock'],
  conflict: ({ ours, theirs }) => ({ write: { stock: (ours.stock ?? 0) + (theirs.stock ?? 0) } }),
})
class Named extends Product {}

// @ts-expect-error: misspelt
WriteBehind<Product>({ counters: ['stok'] });

// @ts-expect-error: the policy is for another entity
@WriteBehind<Product>({ debounce: '1s' })
class Stranger {
  id!: number;
}

// A conflict function that names its entity names it for the counters too.

@WriteBehind({
  counters: ['stock'],
  conflict: (conflict: Conflict<Product>) => (conflict.attempt > 3 ? 'dead-letter' : 'overwrite'),
})
class Inferred extends Product {}

const overwrite = (conflict: Conflict<Product>) => (conflict.attempt > 3 ? 'dead-letter' : 'overwrite');
// @ts-expect-error: misspelt
WriteBehind({ counters: ['stok'], conflict: overwrite });

// On a repository class, the policy is for its entity.

@WriteBehind({ counters: ['stock'] })
class ProductRepository extends EntityRepository<Product> {}

@WriteBehind()
class CustomerRepository extends EntityRepository<Customer> {}

// @ts-expect-error: misspelt
@WriteBehind({ counters: ['stok'] })
class MisspeltRepository extends EntityRepository<Product> {}

expectTypeOf<EntityOf<typeof ProductRepository>>().toEqualTypeOf<Product>();
expectTypeOf<EntityOf<typeof Product>>().toEqualTypeOf<Product>();

// On abstract classes and on those that cannot be constructed from outside.

@WriteBehind({ counters: ['stock'] })
abstract class Abstract {
  stock!: number;
}

@WriteBehind({ counters: ['stock'] })
class Private {
  stock!: number;

  private constructor() {}
}

// @ts-expect-error: misspelt
@WriteBehind({ counters: ['stok'] })
class MisspeltPrivate {
  stock!: number;

  private constructor() {}
}

// On the classes of schemas.

const Defined = defineEntity({
  name: 'Defined',
  properties: {
    id: p.integer().primary(),
    stock: p.integer(),
    views: p.integer().default(0),
    big: p.bigint(),
    price: p.decimal(),
    exact: p.decimal('number'),
    balance: p.decimal().$type<`${number}`>(),
    weight: p.integer().nullable(),
  },
});
const Schema = new EntitySchema({ class: Product, properties: {} as never });

WriteBehind({ counters: ['stock', 'views', 'big', 'exact', 'balance'] })(Defined.class);
WriteBehind({ counters: ['stock'] })(Schema.class);
// @ts-expect-error: misspelt
WriteBehind({ counters: ['stok'] })(Defined.class);
// @ts-expect-error: a decimal that is given as any text
WriteBehind({ counters: ['price'] })(Defined.class);
// @ts-expect-error: can be null
WriteBehind({ counters: ['weight'] })(Defined.class);
// @ts-expect-error: misspelt
WriteBehind({ counters: ['stok'] })(Schema.class);

// Options that do not exist, and values that cannot be.

// @ts-expect-error: no such option
WriteBehind({ cash: { ttl: '5m' } });
// @ts-expect-error: says nothing about how long
WriteBehind({ cache: {} });
// @ts-expect-error: the other mode
WriteBehind({ mode: 'through' });
// @ts-expect-error: no unit
WriteBehind({ debounce: '5' });
// @ts-expect-error: no such unit
WriteBehind({ debounce: '5 minutes' });
// @ts-expect-error: no such value
WriteBehind({ onFull: 'wait' });
// @ts-expect-error: must be synchronous
WriteBehind({ conflict: async () => 'overwrite' as const });

// Written through: for any entity, and without the options about waiting.

@WriteThrough()
class Country {
  id!: string;
}

@WriteThrough({ cache: { ttl: '5m' } })
class CountryRepository extends EntityRepository<Country> {}

WriteThrough({ cache: { ttl: '5m' } })(Defined.class);
// @ts-expect-error: nothing waits
WriteThrough({ debounce: '1s' });
// @ts-expect-error: counters are staged as differences
WriteThrough({ counters: ['stock'] });

// The `policies` of spillway(): every pair is checked against its own entity.

const redis = 'redis://localhost:1';
const ORDERS = [[Order, {}]] as const;
resolveOptions({ redis });
resolveOptions({ redis, policies: [...ORDERS, [Product, { counters: ['stock'] }]] });
resolveOptions({ redis, policies: [] });
resolveOptions({
  redis,
  policies: [
    [
      Product,
      {
        counters: ['stock'],
        conflict: (conflict) => (conflict.ours.stock === 0 ? 'overwrite' : 'keep-database'),
      },
    ],
    [Order, { debounce: '1s' }],
    [Defined, { counters: ['views'] }],
    [Defined.class, { counters: ['views'] }],
    [Schema, { counters: ['stock'] }],
    [ProductRepository, { counters: ['views'] }],
    [Private, { mode: 'behind', counters: ['stock'] }],
    [Country, { mode: 'through', cache: { ttl: '5m' } }],
  ],
});
// @ts-expect-error: misspelt, in the second pair
resolveOptions({ redis, policies: [...ORDERS, [Product, { counters: ['stok'] }]] });
// @ts-expect-error: misspelt
resolveOptions({ redis, policies: [[Defined, { counters: ['stok'] }]] });
// @ts-expect-error: misspelt
resolveOptions({ redis, policies: [[Schema, { counters: ['stok'] }]] });
// @ts-expect-error: misspelt
resolveOptions({ redis, policies: [[ProductRepository, { counters: ['stok'] }]] });
// @ts-expect-error: no such option
resolveOptions({ redis, policies: [[Product, { cache: true }]] });
// @ts-expect-error: no such property
resolveOptions({ redis, policies: [[Product, { conflict: (conflict) => conflict.ours.stok }]] });
// @ts-expect-error: nothing waits
resolveOptions({ redis, policies: [[Country, { mode: 'through', debounce: '1s' }]] });
// @ts-expect-error: no pair
resolveOptions({ redis, policies: ['Product'] });
// @ts-expect-error: counters are properties of one entity
resolveOptions({ redis, defaults: { counters: ['stock'] } });
// @ts-expect-error: no such option
resolveOptions({ redis, enable: false });

// What a conflict function sees: no methods, no collections, references as keys.

expectTypeOf<EntityValues<Order>>().toEqualTypeOf<{
  readonly id?: number;
  readonly customer?: string;
  readonly billedTo?: string | null;
  readonly placedAt?: Date;
  readonly tags?: string[];
  readonly size?: 'small' | 'large';
}>();
expectTypeOf<EntityValues<Customer>>().toEqualTypeOf<{ readonly id?: string }>();
expectTypeOf<Conflict<Order>['key']>().toEqualTypeOf<number>();
expectTypeOf<Conflict['ours']>().toEqualTypeOf<{ readonly [name: string]: unknown }>();
expectTypeOf<Decision<Order>>().toEqualTypeOf<
  'overwrite' | 'keep-database' | 'dead-letter' | { readonly write: EntityValues<Order> }
>();
expectTypeOf<WritePolicy<Product>['counters']>().toEqualTypeOf<readonly CounterName<Product>[] | undefined>();

export {
  Abstract,
  CountryRepository,
  CustomerRepository,
  Inferred,
  Method,
  Misspelt,
  MisspeltPrivate,
  MisspeltRepository,
  Named,
  NoNumber,
  Nullable,
  Stranger,
};

// Options that are put together first are checked when the ORM discovers the entities.
const assembled: SpillwayOptions = { redis, policies: [[Product, { counters: ['stock'], debounce: '50ms' }]] };
resolveOptions(assembled);
// @ts-expect-error: but what is no option of a policy is no option here either
const misspelt: SpillwayOptions = { redis, policies: [[Product, { debonce: '50ms' }]] };
resolveOptions(misspelt);
