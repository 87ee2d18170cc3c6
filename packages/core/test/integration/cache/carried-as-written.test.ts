import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const cache = { ttl: '5m' } as const;
const EARLIER = new Date('2026-02-01T00:00:00.000Z');
const LATER = new Date('2026-04-01T00:00:00.000Z');
let now = EARLIER;

/** No version: conflicts are found by the loaded values. */
const Ticket = defineEntity({
  name: 'Ticket',
  properties: { id: p.integer().primary(), state: p.string(), note: p.string().nullable() },
});
WriteBehind({
  cache,
  detect: 'changed-properties',
  conflict: ({ ours }: { ours: object }) => ({ write: { ...ours, note: 'both have changed it' } }),
} as never)(Ticket.class as never);

const Page = defineEntity({
  name: 'Page',
  properties: {
    id: p.integer().primary(),
    name: p.string().default('old'),
    place: p.string().default('old'),
    views: p.integer().default(0),
    updatedAt: p
      .datetime()
      .length(3)
      .onCreate(() => new Date('2026-01-01T00:00:00.000Z'))
      .onUpdate(() => now),
  },
});
WriteBehind({ cache, detect: 'changed-properties', conflict: 'merge', counters: ['views'] } as never)(
  Page.class as never,
);

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: [Ticket, Page],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function seen(row: Promise<object>): Promise<unknown> {
  const json = JSON.stringify(await row);
  return JSON.parse(json);
}

test('R3: what a conflict function has written, and no record says, is not carried on', async () => {
  const em = orm.em.fork();
  em.create(Ticket, { id: 1, state: 'new', note: null });
  await em.flush();
  await Spillway.of(orm).drain();
  const [one, two] = [orm.em.fork(), orm.em.fork()];
  const [first, second] = [await one.findOneOrFail(Ticket, 1), await two.findOneOrFail(Ticket, 1)];
  first.state = 'open';
  await one.flush();
  await Spillway.of(orm).drain();
  expect(await seen(orm.em.fork().findOneOrFail(Ticket, 1))).toMatchObject({ state: 'open', note: null });
  second.state = 'closed';
  await two.flush();
  await Spillway.of(orm).drain();
  const real = await seen(orm.em.fork().findOneOrFail(Ticket, 1, { refresh: true }));
  expect(real).toMatchObject({ state: 'closed', note: 'both have changed it' });
  expect(await seen(orm.em.fork().findOneOrFail(Ticket, 1))).toEqual(real);
});

test('R3: an earlier moment of onUpdate, which a merge gives up, is not carried on', async () => {
  const em = orm.em.fork();
  em.create(Page, { id: 1 } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  const [one, two] = [orm.em.fork(), orm.em.fork()];
  const [first, second] = [await one.findOneOrFail(Page, 1), await two.findOneOrFail(Page, 1)];
  now = LATER;
  first.name = 'one';
  await one.flush();
  await Spillway.of(orm).drain();
  expect(await seen(orm.em.fork().findOneOrFail(Page, 1))).toMatchObject({ updatedAt: LATER.toISOString() });
  // The clock of this process is behind.
  now = EARLIER;
  // The database has this value already.
  second.name = 'one';
  second.place = 'two';
  await two.flush();
  await Spillway.of(orm).drain();
  const real = await seen(orm.em.fork().findOneOrFail(Page, 1, { refresh: true }));
  expect(await seen(orm.em.fork().findOneOrFail(Page, 1))).toEqual(real);
});

test('R3: an earlier moment of onUpdate that comes with an increment is not carried on', async () => {
  const em = orm.em.fork();
  em.create(Page, { id: 2 } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  const [one, two] = [orm.em.fork(), orm.em.fork()];
  const [first, second] = [await one.findOneOrFail(Page, 2), await two.findOneOrFail(Page, 2)];
  now = LATER;
  first.views += 1;
  await one.flush();
  await Spillway.of(orm).drain();
  expect(await seen(orm.em.fork().findOneOrFail(Page, 2))).toMatchObject({ views: 1, updatedAt: LATER.toISOString() });
  now = EARLIER;
  second.views += 1;
  await two.flush();
  await Spillway.of(orm).drain();
  const real = await seen(orm.em.fork().findOneOrFail(Page, 2, { refresh: true }));
  expect(real).toMatchObject({ views: 2 });
  expect(await seen(orm.em.fork().findOneOrFail(Page, 2))).toEqual(real);
});
