/** The shop that the dashboard looks at: its entities, and how its processes open it. */
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway } from '@spillway/core';

export const Product = defineEntity({
  name: 'Product',
  tableName: 'product',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    price: p.integer(),
    views: p.integer().default(0),
    seen: p.datetime().nullable(),
    secret: p.string().nullable().hidden(),
    version: p.integer().version(),
  },
});

export const Order = defineEntity({
  name: 'Order',
  tableName: 'order',
  properties: { id: p.integer().primary(), customer: p.string(), total: p.integer(), version: p.integer().version() },
});

/** PostgreSQL refuses a price below zero, and so makes dead letters. */
export const TABLES = `
  create table product (id int primary key, name varchar(255) not null, price int not null check (price >= 0),
    views int not null default 0,    seen timestamptz null, secret varchar(255) null, version int not null default 1);
  create table "order" (id int primary key, customer varchar(255) not null, total int not null,
    version int not null default 1);`;

export interface Place {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly shards: number;
}

export async function openShop(
  { databaseUrl, redisUrl, namespace, shards }: Place,
  worker: boolean,
): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Product, Order],
    clientUrl: databaseUrl,
    useBatchUpdates: false,
    allowGlobalContext: true,
    extensions: [
      spillway({
        redis: redisUrl,
        namespace,
        shards,
        worker,
        tables: { ensure: true },
        deadLetters: { keep: 1_000_000 },
        logger: { warn: () => {}, error: () => {} },
        policies: [
          [
            Product.class,
            { mode: 'behind', counters: ['views'], debounce: '10ms', maxDelay: '50ms', retry: { attempts: 1 } },
          ],
          [Order.class, { mode: 'behind', debounce: '10ms', maxDelay: '50ms', retry: { attempts: 1 } }],
        ],
      }),
    ],
  });
}
