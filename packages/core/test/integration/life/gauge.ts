import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

export const Gauge = defineEntity({
  name: 'Gauge',
  properties: { id: p.integer().primary(), value: p.integer(), version: p.integer().version() },
});
WriteBehind({ counters: ['value'] as never, debounce: '10ms' })(Gauge.class);

export const GAUGE_TABLE =
  'create table gauge (id int primary key, value int not null, version int not null default 1)';

export interface Place {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
}

/**
 * An ORM whose connections are Spillway's alone, until a test uses MikroORM's own: what it lends to Spillway for a
 * moment is closed at once.
 */
export async function openGauges(
  { databaseUrl, redisUrl, namespace }: Place,
  options: Partial<SpillwayOptions> = {},
): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Gauge],
    clientUrl: databaseUrl,
    pool: { idleTimeoutMillis: 1 },
    extensions: [spillway({ redis: redisUrl, namespace, shards: 4, tables: { ensure: true }, ...options })],
  });
}
