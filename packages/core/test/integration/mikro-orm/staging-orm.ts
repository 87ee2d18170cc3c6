import { MikroORM, type EntityName, type Options } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll } from 'vitest';
import { spillway } from '../../../src/index.js';

export interface StagingOrm {
  /** From before the first test of the file until after its last one. */
  readonly orm: MikroORM;
}

/**
 * An ORM over these entities on a database of the test file's own, with their tables. It stages only: what is pending
 * stays pending until a test drains it, or a query does.
 */
export function stagingOrm(entities: readonly EntityName[], options: Partial<Options> = {}): StagingOrm {
  let db: Database;
  let orm: MikroORM;
  beforeAll(async () => {
    db = await database();
    orm = await MikroORM.init({
      entities: [...entities],
      clientUrl: db.url,
      useBatchUpdates: false,
      extensions: [
        spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
      ],
      ...options,
    });
    await orm.schema.create();
  });
  afterAll(async () => {
    await orm.close();
    await db.drop();
  });
  return {
    get orm() {
      return orm;
    },
  };
}
