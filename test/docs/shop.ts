import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, WriteBehind, type SpillwayOptions } from '@spillway/core';

const schema = defineEntity({
  name: 'Product',
  properties: {
    id: p.uuid().primary(),
    name: p.string(),
    views: p.integer().default(0),
    version: p.integer().version(),
  },
});

/** The entity of the README once more, for tests that stand beside its programs. */
export class Product extends schema.class {}
schema.setClass(Product);
WriteBehind({ debounce: '10ms', maxDelay: '50ms', counters: ['views'] })(Product);

/** A process that only stages, in the namespace of the documents. */
export async function shop(databaseUrl: string, options: Partial<SpillwayOptions>): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Product],
    clientUrl: databaseUrl,
    extensions: [spillway({ namespace: 'shop', worker: false, ...options })],
  });
}
