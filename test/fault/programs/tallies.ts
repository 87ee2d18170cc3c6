import { defineEntity, type InferEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, WriteBehind, WriteThrough } from '@spillway/core';
import type { TallyRole } from './settings.js';
import type { Place } from './site.js';

export const Tally = defineEntity({
  name: 'Tally',
  properties: { id: p.string().primary(), hits: p.integer() },
});

/** An ORM of a release in which the entity has this role. A process has one: the class carries its policy. */
export async function openTallies(
  { databaseUrl, redisUrl, namespace, shards }: Place,
  role: TallyRole,
): Promise<MikroORM> {
  if (role === 'through') WriteThrough()(Tally.class);
  if (role === 'stages' || role === 'off')
    WriteBehind<InferEntity<typeof Tally>>({
      counters: ['hits'],
      debounce: '10ms',
      maxDelay: '50ms',
      cache: { ttl: '5m' },
    })(Tally.class);
  return MikroORM.init({
    entities: [Tally],
    clientUrl: databaseUrl,
    extensions: [
      spillway({
        redis: redisUrl,
        namespace,
        shards,
        tables: { ensure: true },
        enabled: role !== 'off',
        // As docs/adopting.md says of a release that has no such entity: it could only put off what it meets.
        worker: role !== 'none',
        // Longer than a process may have to wait for a busy machine between two additions.
        leaveAfter: '3s',
      }),
    ],
  });
}
