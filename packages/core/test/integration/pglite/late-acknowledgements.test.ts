import type { MikroORM } from '@mikro-orm/pglite';
import { afterAll, expect, test } from 'vitest';
import { Spillway, type SpillwayEvent } from '../../../src/index.js';
import type { DueScope } from '../../../src/staging/look-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging, spillwayWithSteps } from '../../../src/testing/index.js';
import { Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop } from './pglite-orm.js';

/** A flush that has committed is held up, from the first to the last of these. */
const committed = Promise.withResolvers<void>();
const goesOn = Promise.withResolvers<void>();

const shop = pgliteShop((settings) =>
  spillwayWithSteps(settings, async (step) => {
    if (step !== 'committed') return;
    committed.resolve();
    await goesOn.promise;
  }),
);

afterAll(() => goesOn.resolve());

/** Calls back between the moment in which a drain makes rows due and the one in which it asks which these are. */
function withPause(store: StagingStore, pause: () => Promise<void>): StagingStore {
  const make = store.due.make.bind(store.due);
  Object.assign(store.due, {
    make: async (scope: DueScope) => {
      const made = await make(scope);
      await pause();
      return made;
    },
  });
  return store;
}

test('H12: a query in a transaction sees that what was in flight has come back, and does not pass it over in silence', async () => {
  let pause = async (): Promise<void> => undefined;
  const staging = (): StagingStore => withPause(memoryStaging({ shards: 4 }), async () => pause());
  const orm: MikroORM = await shop.orm({ staging });
  const events: SpillwayEvent[] = [];
  Spillway.of(orm).events$.subscribe((event) => void events.push(event));
  await shop.pglite.exec(`alter table product add constraint no_cups check (name <> 'Cup')`);
  await newProduct(orm, { name: 'Cup' });
  const drained = Spillway.of(orm).drain();
  await committed.promise;
  await orm.em.fork().transactional(async (em) => {
    pause = async () => {
      goesOn.resolve();
      await expect.poll(async () => (await Spillway.of(orm).status()).inFlight).toBe(0);
    };
    expect(await em.count(Product, { name: 'Cup' })).toBe(0);
    pause = async () => undefined;
  });
  expect(events).toContainEqual({ type: 'lagging', reason: 'refused' });
  await drained;
  await shop.pglite.exec('alter table product drop constraint no_cups');
  // It was refused, so it keeps its pause first.
  await expect
    .poll(async () => {
      await Spillway.of(orm).drain();
      return orm.em.fork().count(Product, { name: 'Cup' });
    })
    .toBe(1);
});
