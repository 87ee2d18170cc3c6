import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind, type WritePolicy } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';

function book(name: string, policy: WritePolicy) {
  const entity = defineEntity({
    name,
    properties: {
      id: p.integer().primary(),
      title: p.string().default('new'),
      place: p.string().default('new'),
      version: p.integer().version(),
    },
  });
  WriteBehind(policy)(entity.class as never);
  return entity;
}

// Every conflict is a dead letter here, and expected.
const SILENT = { warn: () => {}, error: () => {} };
const retry = { minDelay: '1ms', maxDelay: '5ms' } as const;

/** One entity for each rule that settles conflicts, and one with copies. */
export const BOOKS = [
  book('Parked', { retry }),
  book('Merged', { conflict: 'merge', retry }),
  book('Cached', { cache: { ttl: '1m' }, retry }),
  book('Laid', { queries: 'overlay', retry }),
  book('Over', { conflict: 'overwrite', retry }),
] as const;

export type Book = (typeof BOOKS)[number];
export const PROPERTIES = ['title', 'place'] as const;

/** The worker waits until a program drains, so that what is staged stays pending for a while. */
export async function openShelf() {
  const db = await database();
  const orm = await MikroORM.init({
    entities: [...BOOKS],
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        worker: false,
        tables: { ensure: true },
        logger: SILENT,
      }),
    ],
  });
  await orm.schema.create();
  return {
    orm,
    spill: Spillway.of(orm),
    async [Symbol.asyncDispose]() {
      await orm.close();
      await db.drop();
    },
  };
}
