import { EntityRepository, MikroORM } from '@mikro-orm/core';
import { Entity, PrimaryKey } from '@mikro-orm/decorators/es';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
import { collectPolicies } from '../../../src/policy/policy-registry.js';
import { WriteThrough } from '../../../src/policy/write-through.js';

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

describe('@WriteThrough as a standard decorator', () => {
  it('is found on the entity class and on its repository class', async () => {
    const orm = await MikroORM.init({ driver: PostgreSqlDriver, dbName: 'none', entities: [Inside, Stored] });
    const places = [...orm.getMetadata()].map((meta) => ({
      name: meta.className,
      entityClass: meta.class,
      repositoryClass: meta.repository?.(),
    }));
    expect(Object.fromEntries(collectPolicies(places, []))).toEqual({
      Inside: { mode: 'through' },
      Stored: { mode: 'through' },
    });
  });
});
