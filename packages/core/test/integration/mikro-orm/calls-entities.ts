import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { spillway, WriteBehind } from '../../../src/index.js';

/**
 * Two entities of one shape, of which only the first is written behind: whatever a program does with them must come to
 * the same.
 */
const properties = {
  id: p.integer().primary().autoincrement(),
  name: p.string(),
  views: p.integer().default(0),
  price: p.decimal().precision(10).scale(2).nullable(),
  details: p.json().nullable(),
  at: p.datetime().length(3).nullable(),
  kind: p.string().default('usual'),
  code: p.string().nullable().unique(),
};
const versioned = { ...properties, version: p.integer().version() };

export const Behind = defineEntity({ name: 'Behind', properties: versioned });
export const Twin = defineEntity({ name: 'Twin', properties: versioned });
export const Loose = defineEntity({ name: 'Loose', properties });
export const LooseTwin = defineEntity({ name: 'LooseTwin', properties });

const big = { id: p.bigint().primary().autoincrement(), label: p.string() };
export const Big = defineEntity({ name: 'Big', properties: big });
export const BigTwin = defineEntity({ name: 'BigTwin', properties: big });

const stamped = {
  id: p.uuid().primary(),
  name: p.string(),
  made: p
    .datetime()
    .length(3)
    .onCreate(() => new Date(0)),
};
export const Stamped = defineEntity({ name: 'Stamped', properties: stamped });
export const StampedTwin = defineEntity({ name: 'StampedTwin', properties: stamped });

const timed = {
  id: p.string().primary(),
  name: p.string(),
  since: p.datetime().length(3).defaultRaw('now()'),
};
export const Timed = defineEntity({ name: 'Timed', properties: timed });

/** Plain, and refers to a row that is written behind. */
export const Remark = defineEntity({
  name: 'Remark',
  properties: {
    id: p.integer().primary().autoincrement(),
    text: p.string(),
    about: () => p.manyToOne(Loose).nullable(),
  },
});

for (const entity of [Behind, Loose]) WriteBehind({ counters: ['views'] })(entity.class as never);
for (const entity of [Big, Stamped, Timed]) WriteBehind()(entity.class as never);

/** An ORM that stages only: what is pending stays pending until a test drains it. */
export async function twinsOrm(clientUrl: string): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Behind, Twin, Loose, LooseTwin, Big, BigTwin, Stamped, StampedTwin, Timed, Remark],
    clientUrl,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
}

type Either = typeof Behind | typeof Twin;
export type Program = (em: EntityManager, entity: Either) => Promise<unknown>;
