/**
 * What the programs and the tests of faults work on: pages that count their hits, and items with a text and a version.
 */
import { defineEntity, type InferEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { WriteBehind, type SpillwayOptions } from '@spillway/core';
import { spillwayWithSteps, type FlushSteps, type HoldSteps } from '@spillway/core/testing';

export const Page = defineEntity({
  name: 'Page',
  properties: { id: p.string().primary(), hits: p.integer() },
});

export const Item = defineEntity({
  name: 'Item',
  properties: { id: p.string().primary(), text: p.string(), version: p.integer().version() },
});

/** Carries no policy: what a transaction writes by SQL, and so the proof that it has committed. */
export const Receipt = defineEntity({
  name: 'Receipt',
  properties: { id: p.string().primary(), page: p.string(), hits: p.integer(), item: p.string(), text: p.string() },
});

WriteBehind<InferEntity<typeof Page>>({ counters: ['hits'] })(Page.class);
WriteBehind()(Item.class);

/** Where one test's site is: its own database, and its own keys in a Redis. */
export interface Place {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly shards: number;
}

export interface SiteSettings {
  readonly spillway?: Partial<SpillwayOptions>;
  readonly steps?: FlushSteps;
  readonly holdSteps?: HoldSteps;
}

/** An ORM over the site. Unless `spillway.worker` says otherwise, its process writes too. */
export async function openSite(
  place: Place,
  { spillway = {}, steps, holdSteps }: SiteSettings = {},
): Promise<MikroORM> {
  const { redisUrl, namespace, shards } = place;
  const options = {
    ...(spillway.staging === undefined && { redis: redisUrl }),
    namespace,
    shards,
    tables: { ensure: true },
    ...spillway,
    defaults: { debounce: '10ms', maxDelay: '50ms', ...spillway.defaults },
  } satisfies SpillwayOptions;
  return MikroORM.init({
    entities: [Page, Item, Receipt],
    clientUrl: place.databaseUrl,
    extensions: [spillwayWithSteps(options, steps ?? (async () => {}), holdSteps)],
  });
}
