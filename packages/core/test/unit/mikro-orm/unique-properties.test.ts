import { defineEntity, p, type EntitySchema } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import {
  namesUnique,
  uniqueProperties,
  type UniqueProperties,
} from '../../../src/mikro-orm/describe/unique-properties.js';

async function uniqueOf(...entities: readonly EntitySchema[]): Promise<UniqueProperties> {
  const orm = await MikroORM.init({ entities: [...entities], dbName: 'nowhere' });
  return uniqueProperties(orm.getMetadata().get((entities[0] as EntitySchema).class));
}

const properties = { id: p.integer().primary(), email: p.string().unique(), note: p.string(), seat: p.integer() };

test('are those of unique properties, of unique keys and of one-to-one references, but not the primary key', async () => {
  const Room = defineEntity({ name: 'Room', properties: { id: p.integer().primary() } });
  const Guest = defineEntity({
    name: 'Guest',
    properties: { ...properties, room: () => p.oneToOne(Room).owner() },
    uniques: [{ properties: ['seat'] }],
  });
  const unique = await uniqueOf(Guest, Room);
  expect(unique).toEqual(new Set(['email', 'room', 'seat']));
  expect(namesUnique(unique, { note: 'x' })).toBe(false);
  expect(namesUnique(unique, { note: 'x', seat: 1 })).toBe(true);
});

test.each([
  ['a unique key', { uniques: [{ name: 'by_note', expression: 'alter table guest add unique (note)' }] }],
  ['an index', { indexes: [{ name: 'by_note', expression: 'create unique index by_note on guest (lower("note"))' }] }],
])('are those whose columns it names where %s is an expression', async (_name, keys) => {
  const unique = await uniqueOf(defineEntity({ name: 'Guest', properties, ...(keys as object) }));
  expect(unique).toEqual(new Set(['email', 'note']));
});

test.each([
  ['names no column', { indexes: [{ name: 'one', expression: 'create unique index one on guest (f(guest))' }] }],
  ['is made by a function', { uniques: [{ name: 'one', expression: () => 'create unique index one on guest (id)' }] }],
])('are all of them where an expression %s', async (_name, keys) => {
  const unique = await uniqueOf(defineEntity({ name: 'Guest', properties, ...(keys as object) }));
  expect(unique).toBe('all');
  expect(namesUnique(unique, { note: 'x' })).toBe(true);
});

test('are none of an index whose expression makes it no unique one', async () => {
  const indexes = [{ name: 'by_note', expression: 'create index by_note on guest (lower(note))' }];
  expect(await uniqueOf(defineEntity({ name: 'Guest', properties, indexes }))).toEqual(new Set(['email']));
});
