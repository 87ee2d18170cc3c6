/**
 * What is read through the cache while it is written: rows that are written through, and rows that are written behind.
 */
import { defineEntity, type InferEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, WriteBehind, WriteThrough } from '@spillway/core';
import type { Place } from './site.js';

export const Through = defineEntity({
  name: 'Through',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});

export const Behind = defineEntity({
  name: 'Behind',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});

WriteThrough({ cache: { ttl: '5m' } })(Through.class);
/** Whoever is overtaken is raised above the other, so that a version which was acknowledged is reached. */
WriteBehind<InferEntity<typeof Behind>>({ cache: { ttl: '5m' }, conflict: 'overwrite' })(Behind.class);

export async function openShelf(place: Place, worker: boolean): Promise<MikroORM> {
  const { databaseUrl, redisUrl, namespace, shards } = place;
  return MikroORM.init({
    entities: [Through, Behind],
    clientUrl: databaseUrl,
    extensions: [
      spillway({
        redis: redisUrl,
        namespace,
        shards,
        worker,
        stageTimeout: '500ms',
        tables: { ensure: true },
        defaults: { debounce: '10ms', maxDelay: '50ms' },
      }),
    ],
  });
}
