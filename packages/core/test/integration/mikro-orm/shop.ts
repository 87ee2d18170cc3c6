import type { Opt, Ref } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { randomUUID } from 'node:crypto';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

@Entity()
@WriteBehind({ debounce: '10ms', maxDelay: '50ms', counters: ['views'] })
export class Product {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'integer' })
  views: number & Opt = 0;

  @Property({ type: 'json', nullable: true })
  details?: { colour: string } | null;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

@Entity()
@WriteBehind({ debounce: '10ms', maxDelay: '50ms' })
export class Customer {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'datetime', defaultRaw: 'now()' })
  since!: Date & Opt;
}

@Entity({ tableName: 'customer_order' })
@WriteBehind({ debounce: '10ms', maxDelay: '50ms' })
export class Order {
  @PrimaryKey({ type: 'bigint' })
  id!: bigint & Opt;

  @ManyToOne({ entity: () => Customer, ref: true })
  customer!: Ref<Customer>;

  @ManyToOne({ entity: () => Product, ref: true })
  product!: Ref<Product>;

  @Property({ type: 'string' })
  status: string & Opt = 'placed';

  @Property({ type: 'Date', version: true, length: 3 })
  changedAt!: Date & Opt;
}

/** Carries no policy: MikroORM writes it as always. */
@Entity()
export class Note {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  @Property({ type: 'string' })
  text!: string;

  /** Does not follow its product, so that products are deleted behind. */
  @ManyToOne({ entity: () => Product, ref: true, nullable: true, deleteRule: 'no action' })
  product?: Ref<Product> | null;
}

const ENTITIES = [Product, Customer, Order, Note];

/** A database with the tables of the shop, and nothing of Spillway. */
export async function shopDatabase(): Promise<Database> {
  const db = await database();
  const plain = await shopOrm(db.url, {}, { extensions: [] });
  await plain.schema.create();
  await plain.close();
  return db;
}

/** An ORM over the shop's entities on a database that has their tables already, or not yet. */
export async function shopOrm(
  databaseUrl: string,
  settings: Partial<SpillwayOptions> = {},
  orm: Partial<Options> = {},
): Promise<MikroORM> {
  return MikroORM.init({
    entities: ENTITIES,
    clientUrl: databaseUrl,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true }, ...settings }),
    ],
    ...orm,
  });
}
