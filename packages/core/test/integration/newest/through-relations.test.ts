import { defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from '../mikro-orm/twin-orm.js';

const Album = defineEntity({
  name: 'Album',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    /** One of its own photos. */
    newest: () =>
      p
        .manyToOne(Photo)
        .through(() => Photo)
        .orderBy({ taken: 'desc' }),
    /** What a row of a third table names. */
    cover: () =>
      p
        .oneToOne(Photo)
        .through(() => Choice)
        .where({ as: 'cover' }),
  },
});
const Photo = defineEntity({
  name: 'Photo',
  properties: { id: p.integer().primary(), taken: p.integer(), album: () => p.manyToOne(Album) },
});
const Choice = defineEntity({
  name: 'Choice',
  properties: {
    id: p.integer().primary(),
    as: p.string(),
    album: () => p.manyToOne(Album),
    photo: () => p.manyToOne(Photo),
  },
});
/** Plain, and shows a row that is written behind. */
const Page = defineEntity({
  name: 'Page',
  properties: {
    id: p.integer().primary(),
    best: () =>
      p
        .manyToOne(Stamp)
        .through(() => Stamp)
        .orderBy({ rank: 'desc' }),
  },
});
const Stamp = defineEntity({
  name: 'Stamp',
  properties: { id: p.integer().primary(), rank: p.integer(), page: () => p.manyToOne(Page) },
});
for (const schema of [Album, Photo, Choice, Stamp]) WriteBehind()(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Album, Photo, Choice, Page, Stamp]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

const create = (em: EntityManager, entity: unknown, values: object): object =>
  em.create(entity as never, values as never);

test('a relation through another entity is read with what is pending of that entity', async () => {
  await both.same(async (em) => {
    const album = create(em, Album, { id: 1, name: 'Summer' });
    create(em, Photo, { id: 1, taken: 10, album });
    await em.flush();
  });
  expect(Object.keys((await Spillway.of(both.behind).status()).pending).toSorted()).toEqual(['Album', 'Photo']);
  await both.same((em) => em.findOne(Album as never, 1));
  await both.same(async (em) => {
    const album = em.getReference(Album as never, 1 as never);
    const photo = create(em, Photo, { id: 2, taken: 20, album });
    create(em, Choice, { id: 1, as: 'cover', album, photo });
    await em.flush();
  });
  await both.same((em) => em.findOne(Album as never, 1));
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Photo as never, 1), { taken: 30 });
    await em.flush();
  });
  await both.same((em) => em.find(Album as never, { name: 'Summer' }, { populate: ['newest', 'cover'] as never }));
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Photo as never, 2), { taken: 40 });
    await em.flush();
  });
  await both.same((em) => em.find(Album as never, { newest: { taken: 40 } }));
  expect(await both.differences()).toEqual([]);
});

test('so is one of a plain entity', async () => {
  await both.same(async (em) => {
    const page = create(em, Page, { id: 1 });
    await em.flush();
    create(em, Stamp, { id: 1, rank: 1, page });
    await em.flush();
  });
  await both.same((em) => em.findOne(Page as never, 1));
  expect(await both.differences()).toEqual([]);
});
