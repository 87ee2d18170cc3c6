import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind, type SpillwayOptions } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';

@Entity()
@WriteBehind<Product>({ debounce: '10ms', maxPending: 1_000, counters: ['views'] })
export class Product {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();
  @Property({ type: 'text' })
  name!: string;
  @Property({ type: 'integer' })
  views: number & Opt = 0;
  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** An application with a database and a namespace of its own. */
export interface Shop extends AsyncDisposable {
  readonly orm: MikroORM;
  readonly service: Spillway;
  readonly namespace: string;
  /** Makes products in one flush, each with this name. */
  make(count: number, name?: string): Promise<readonly Product[]>;
}

export async function openShop(options: Partial<SpillwayOptions> = {}, databaseUrl?: string): Promise<Shop> {
  const own = databaseUrl === undefined ? await database() : undefined;
  const namespace = options.namespace ?? freshNamespace();
  const orm = await MikroORM.init({
    clientUrl: databaseUrl ?? own?.url ?? '',
    entities: [Product],
    useBatchUpdates: false,
    allowGlobalContext: true,
    extensions: [spillway({ redis: sharedRedisUrl(), namespace, shards: 4, tables: { ensure: true }, ...options })],
  });
  await orm.schema.update();
  return {
    orm,
    namespace,
    service: Spillway.of(orm),
    async make(count, name = 'chair') {
      const em = orm.em.fork();
      const made = Array.from({ length: count }, () => em.create(Product, { name }));
      await em.flush();
      return made;
    },
    async [Symbol.asyncDispose]() {
      await orm.close();
      await own?.drop();
    },
  };
}
