import { Cascade, defineEntity, p, type Collection, type EntitySchema } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fresh, pending, twinFamilies } from './twins.js';

function family(prefix: string) {
  const Album: EntitySchema = defineEntity({
    name: `${prefix}Album`,
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      tracks: () => p.oneToMany(Track).mappedBy('album').orphanRemoval(),
      notes: () => p.oneToMany(Note).mappedBy('album').cascade(Cascade.PERSIST, Cascade.REMOVE),
      version: p.integer().version(),
    },
  });
  const Track: EntitySchema = defineEntity({
    name: `${prefix}Track`,
    properties: {
      album: () => p.manyToOne(Album).primary(),
      number: p.integer().primary(),
      title: p.string(),
      next: () => p.manyToOne(Track).nullable(),
    },
  });
  const Note: EntitySchema = defineEntity({
    name: `${prefix}Note`,
    properties: {
      id: p.uuid().primary(),
      text: p.string(),
      album: () => p.manyToOne(Album).nullable(),
      about: () => p.manyToOne(Note).nullable().deleteRule('no action'),
      version: p.integer().version(),
    },
  });
  const Cover: EntitySchema = defineEntity({
    name: `${prefix}Cover`,
    properties: {
      id: p.integer().primary().autoincrement(),
      album: () => p.oneToOne(Album).owner().nullable(),
      image: p.string(),
    },
  });
  return { Album, Track, Note, Cover };
}

const both = twinFamilies(family);

interface Album {
  title: string;
  tracks: Collection<{ title: string; next: unknown }>;
  notes: Collection<{ text: string; album: unknown }>;
  version: number;
}

const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

describe('what MikroORM adds to a flush by itself', () => {
  test('cascades of persist are staged, and those of remove delete what is pending', async () => {
    let records: number[] = [];
    await both.expectSame(async (em, entities, see) => {
      const album = em.create(entities.Album, {
        id: 1,
        title: 'First',
        tracks: [
          { number: 1, title: 'a' },
          { number: 2, title: 'b' },
        ],
        notes: [
          { id: uuid(1), text: 'x' },
          { id: uuid(2), text: 'y' },
        ],
      } as never) as Album;
      await em.flush();
      records = [await pending(both.orm)];
      see(await fresh(both.orm, entities.Track, [1, 2]));
      see(await fresh(both.orm, entities.Note, uuid(2)));
      em.remove(album);
      await em.flush();
      records.push(await pending(both.orm));
      see(await fresh(both.orm, entities.Album, 1));
      see(await fresh(both.orm, entities.Track, [1, 1]));
      see(await fresh(both.orm, entities.Note, uuid(1)));
    });
    expect(records).toEqual([5, 0]);
  });

  test('orphans are deleted, and what only leaves a collection is set to null', async () => {
    await both.expectSame(async (em, entities, see) => {
      const album = em.create(entities.Album, {
        id: 2,
        title: 'Second',
        tracks: [
          { number: 1, title: 'a' },
          { number: 2, title: 'b' },
        ],
        notes: [{ id: uuid(3), text: 'x' }],
      } as never) as Album;
      await em.flush();
      album.tracks.remove(album.tracks[0] as never);
      (album.notes[0] as { album: unknown }).album = null;
      album.title = 'Second, shorter';
      await em.flush();
      see(await fresh(both.orm, entities.Track, [2, 1]));
      see(await fresh(both.orm, entities.Track, [2, 2]));
      see(await fresh(both.orm, entities.Note, uuid(3)));
      const later = em.fork();
      const loaded = (await later.findOneOrFail(entities.Album, 2, {
        populate: ['tracks'] as never,
      })) as Album;
      see(loaded.tracks.getItems().map(({ title }) => title));
      loaded.tracks.removeAll();
      await later.flush();
      see(await fresh(both.orm, entities.Track, [2, 2]));
    });
  });

  test('second updates of one flush are staged: rows of a key of several columns that refer to each other', async () => {
    let records = 0;
    await both.expectSame(async (em, entities, see) => {
      const album = em.create(entities.Album, { id: 3, title: 'Third' } as never);
      const one = em.create(entities.Track, { album, number: 1, title: 'a' } as never) as { next: unknown };
      const two = em.create(entities.Track, { album, number: 2, title: 'b', next: one } as never);
      one.next = two;
      await em.flush();
      records = await pending(both.orm);
      see(await fresh(both.orm, entities.Track, [3, 1]));
      see(await fresh(both.orm, entities.Track, [3, 2]));
    });
    expect(records).toBe(3);
  });

  test('a unique reference that passes from one row to another', async () => {
    await both.expectSame(async (em, entities, see) => {
      const album = em.create(entities.Album, { id: 4, title: 'Fourth' } as never);
      const old = em.create(entities.Cover, { album, image: 'old' } as never) as { album: unknown };
      await em.flush();
      const next = em.create(entities.Cover, { image: 'new' } as never) as { album: unknown };
      await em.flush();
      old.album = null;
      await em.flush();
      next.album = album;
      await em.flush();
      see(await em.fork().count(entities.Cover, { album: 4 }));
      next.album = null;
      old.album = album;
      await em.flush();
      see(await fresh(both.orm, entities.Cover, Reflect.get(old, 'id')));
      see(await fresh(both.orm, entities.Cover, Reflect.get(next, 'id')));
    });
  });
});

test('a row that refers to itself comes back under its key', async () => {
  const { Note } = both.behind;
  const em = both.orm.em.fork();
  const make = (text: string) => {
    const note = em.create(Note, { id: uuid(9), text } as never) as { about: unknown; version: number };
    note.about = note;
    return note;
  };
  const first = make('first');
  await em.flush();
  expect(first.version).toBe(2);
  await Spillway.of(both.orm).drain();
  em.remove(first);
  await em.flush();
  await Spillway.of(both.orm).drain();
  const second = make('second');
  await em.flush();
  expect(second.version).toBeGreaterThan(2);
  const seen = { text: 'second', about: { id: uuid(9) }, version: second.version };
  expect(await fresh(both.orm, Note, uuid(9))).toMatchObject(seen);
  await Spillway.of(both.orm).drain();
  expect(await fresh(both.orm, Note, uuid(9))).toMatchObject(seen);
  await em.nativeDelete(Note, { id: uuid(9) });
  await Spillway.of(both.orm).drain();
  expect(await Spillway.of(both.orm).deadLetters.list()).toEqual([]);
});

describe('rows that were never inserted', () => {
  test('are removed without a trace, beside one that was', async () => {
    await both.expectSame(async (em, { Cover }, see) => {
      const cover = em.create(Cover, { image: 'there' });
      await em.flush();
      em.remove(em.create(Cover, { image: 'never' }, { persist: false }));
      em.remove(cover);
      await em.flush();
      see(await em.fork().count(Cover, { image: ['there', 'never'] }));
    });
  });
});

describe('rows that were never loaded', () => {
  test('are changed by SQL if they have a version, and staged if not', async () => {
    let records: number[] = [];
    await both.expectSame(async (em, entities, see) => {
      const album = em.create(entities.Album, { id: 5, title: 'Fifth' } as never);
      em.create(entities.Track, { album, number: 1, title: 'a' } as never);
      await em.flush();
      const other = em.fork();
      const known = other.getReference(entities.Album, 5 as never) as Album;
      known.title = 'Fifth, again';
      await other.flush();
      records = [await pending(both.orm)];
      const track = other.getReference(entities.Track, [5, 1] as never) as { title: string };
      track.title = 'b';
      await other.flush();
      records.push(await pending(both.orm));
      see(await fresh(both.orm, entities.Album, 5));
      see(await fresh(both.orm, entities.Track, [5, 1]));
      other.remove(other.getReference(entities.Track, [5, 1] as never));
      await other.flush();
      see(await fresh(both.orm, entities.Track, [5, 1]));
    });
    expect(records).toEqual([1, 1]);
  });
});
