import { EntityRepository, MikroORM } from '@mikro-orm/core';
import { Entity, PrimaryKey } from '@mikro-orm/decorators/es';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, it } from 'vitest';
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

describe('@WriteThrough as a standard decorator', () => {
  it('is found on the entity class and on its repository class', async () => {
    const orm = await MikroORM.init({ driver: PostgreSqlDriver, dbName: 'none', entities: [Inside, Stored] });
    expect(policiesOf(orm)).toEqual({
      Inside: { mode: 'through' },
      Stored: { mode: 'through' },
    });
  });
});
