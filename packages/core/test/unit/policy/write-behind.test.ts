import { defineEntity, EntityRepository, EntitySchema, MikroORM, p } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
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
class Plain {
  @PrimaryKey({ type: 'integer' })
  id!: number;
}

@Entity()
class Subclass extends Inside {}

const Defined = defineEntity({ name: 'Defined', properties: { id: p.integer().primary(), stock: p.integer() } });
WriteBehind({ debounce: 4, counters: ['stock'] })(Defined.class);

const WithClass = defineEntity({ name: 'WithClass', properties: { id: p.integer().primary() } });
class WithClassEntity extends WithClass.class {}
WithClass.setClass(WithClassEntity);
WriteBehind({ debounce: 5 })(WithClassEntity);

class Schematic {
  id!: number;
}
const SchematicSchema = new EntitySchema({ class: Schematic, properties: { id: { type: 'integer', primary: true } } });
WriteBehind({ debounce: 6 })(SchematicSchema.class);

const ENTITIES = [Inside, Outside, Stored, Plain, Subclass, Defined, WithClass, SchematicSchema];

describe('@WriteBehind as a legacy decorator', () => {
  it('is found by what MikroORM has discovered, wherever it stands, and is not inherited', async () => {
    const orm = await MikroORM.init({ driver: PostgreSqlDriver, dbName: 'none', entities: ENTITIES });

    expect(policiesOf(orm)).toEqual({
      Inside: { debounce: 1, counters: ['stock'] },
      Outside: { debounce: 2 },
      Stored: { debounce: 3, counters: ['stock'] },
      Defined: { debounce: 4, counters: ['stock'] },
      WithClass: { debounce: 5 },
      Schematic: { debounce: 6 },
    });
  });

  it('needs no policy', () => {
    @WriteBehind()
    class Product {
      id = 1;
    }
    expect(policyOn(Product)).toEqual({});
  });

  it('leaves a class that does not carry it alone', () => {
    expect(policyOn(Plain)).toBeUndefined();
    expect(policyOn(Subclass)).toBeUndefined();
  });

  it('lets a subclass have a policy of its own', () => {
    @WriteBehind({ debounce: 7 })
    class Special extends Inside {}
    expect(policyOn(Special)).toEqual({ debounce: 7 });
    expect(policyOn(Inside)).toMatchObject({ debounce: 1 });
  });

  it('shows in no listing of the class, and cannot be changed', () => {
    expect(Object.keys(Inside)).toEqual([]);
    expect(Object.isFrozen(policyOn(Inside))).toBe(true);
  });

  it('is found by another copy of the package', () => {
    expect(Object.getOwnPropertyDescriptor(Outside, Symbol.for('spillway.policy'))?.value).toEqual({ debounce: 2 });
  });

  it('may stand twice with the same policy, but not with another', () => {
    class Product {
      id = 1;
    }
    WriteBehind({ retry: { attempts: 2 } })(Product);
    WriteBehind({ retry: { attempts: 2 } })(Product);
    expect(() => WriteBehind({ retry: { attempts: 3 } })(Product)).toThrow(
      'Product carries two different @WriteBehind policies. Keep one of them [CONFIG_INVALID]',
    );
  });

  it('refuses a bad option where it is written', () => {
    class Product {
      id = 1;
    }
    expect(() => WriteBehind({ debounce: '2h' })(Product)).toThrow('debounce in the policy of Product is 2h');
    expect(() => WriteBehind({ speed: true } as object)(Product)).toThrow(
      'Unknown option "speed" in the policy of Product. Known are debounce, ',
    );
    expect(() => WriteBehind(null as never)(Product)).toThrow(
      'Expected an object of options as the policy of Product, not null',
    );
    expect(policyOn(Product)).toBeUndefined();
  });

  it('refuses a schema in place of its class', () => {
    expect(() => WriteBehind()(Defined as never)).toThrow(
      "@WriteBehind stands on an object; it must stand on a class. For a schema, call it with the schema's class: WriteBehind(policy)(Schema.class)",
    );
  });
});
