import { describe, expect, it } from 'vitest';
import { collectPolicies } from '../../../src/policy/policy-registry.js';
import type { EntityPlaces } from '../../../src/policy/policy-registry.js';
import { WriteBehind } from '../../../src/policy/write-behind.js';

/** An entity whose class, and whose repository class, can be decorated by the test. */
function entity(
  name: string,
): EntityPlaces & { readonly repositoryClass: { readonly name: string; prototype: object } } {
  const classes = {
    [name]: class {
      id = 1;
    },
    [`${name}Repository`]: class {
      id = 1;
    },
  };
  return { name, entityClass: classes[name] ?? Object, repositoryClass: classes[`${name}Repository`] ?? Object };
}

describe('the registry of policies', () => {
  it('knows nothing of an entity that has no policy', () => {
    expect(collectPolicies([entity('Product')], [])).toEqual(new Map());
  });

  it('finds the policy on the entity class, on the repository class, and in the option', () => {
    const [product, order, customer, plain] = [entity('Product'), entity('Order'), entity('Customer'), entity('Plain')];
    WriteBehind({ debounce: 1 })(product.entityClass);
    WriteBehind({ debounce: 2 })(order.repositoryClass);

    const policies = collectPolicies([product, order, customer, plain], [[customer.entityClass, { debounce: 3 }]]);

    expect([...policies]).toEqual([
      ['Product', { debounce: 1 }],
      ['Order', { debounce: 2 }],
      ['Customer', { debounce: 3 }],
    ]);
  });

  it('accepts an entry for a repository class, and for a schema whose class was set late', () => {
    const [product, order] = [entity('Product'), entity('Order')];
    const schema = {
      class: class Generated {
        id = 1;
      } as EntityPlaces['entityClass'],
    };
    const entries = [
      [product.repositoryClass, { debounce: 1 }],
      [schema, { debounce: 2 }],
    ] as const;
    schema.class = order.entityClass;

    expect([...collectPolicies([product, order], entries).keys()]).toEqual(['Product', 'Order']);
  });

  it('accepts the same policy in several places, functions being the same if they are one', () => {
    const product = entity('Product');
    const conflict = () => 'overwrite' as const;
    WriteBehind({ retry: { attempts: 3 }, conflict })(product.entityClass);
    WriteBehind({ retry: { attempts: 3 }, conflict })(product.repositoryClass);

    const policies = collectPolicies([product], [[product.entityClass, { conflict, retry: { attempts: 3 } }]]);

    expect(policies.get('Product')).toEqual({ retry: { attempts: 3 }, conflict });
  });

  it('lets entities share a repository class, and so its policy', () => {
    const [product, order] = [entity('Product'), entity('Order')];
    WriteBehind({ debounce: 1 })(product.repositoryClass);
    const shared = { ...order, repositoryClass: product.repositoryClass };

    expect([...collectPolicies([product, shared], []).keys()]).toEqual(['Product', 'Order']);
  });

  it('refuses two policies that differ, and names both places', () => {
    const product = entity('Product');
    WriteBehind({ debounce: 1 })(product.entityClass);
    WriteBehind({ debounce: 2 })(product.repositoryClass);

    expect(() => collectPolicies([product], [])).toThrow(
      'Product has two policies that differ: one on the entity class Product, the other on the repository class ProductRepository. Keep one of them [CONFIG_INVALID]',
    );
  });

  it('refuses an entry of the option that differs from the decorator, and from another entry', () => {
    const [product, order] = [entity('Product'), entity('Order')];
    WriteBehind({ debounce: 1 })(product.repositoryClass);

    expect(() => collectPolicies([product], [[product.entityClass, {}]])).toThrow(
      'one on the repository class ProductRepository, the other in the policies of spillway()',
    );
    const twice = [
      [order.entityClass, { debounce: 1 }],
      [order.entityClass, { debounce: 2 }],
    ] as const;
    expect(() => collectPolicies([order], twice)).toThrow(
      'one in the policies of spillway(), the other in the policies of spillway()',
    );
  });

  it('refuses an entry for a class that no entity has', () => {
    expect(() => collectPolicies([entity('Product')], [[entity('Order').entityClass, {}]])).toThrow(
      'The policies of spillway() have an entry for Order, which is neither an entity of this ORM nor the repository of one. ' +
        'Add it to the entities of MikroORM, or remove the entry [CONFIG_INVALID]',
    );
  });
});
