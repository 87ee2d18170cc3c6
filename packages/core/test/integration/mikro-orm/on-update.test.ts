import { defineEntity, p, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind, type WritePolicy } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

/** What `onUpdate` sets is nobody's intention: where both sides have it, the later one wins. */
const OURS = new Date('2026-03-01T00:00:00.000Z');
const EARLIER = '2026-02-01T00:00:00.000Z';
const LATER = '2026-04-01T00:00:00.000Z';

const page = (name: string, policy: WritePolicy, isVersioned = true) => {
  const entity = defineEntity({
    name,
    properties: {
      id: p.integer().primary(),
      name: p.string().default('old'),
      place: p.string().default('old'),
      views: p.integer().default(0),
      editor: p
        .string()
        .nullable()
        .onUpdate(() => 'ours'),
      updatedAt: p
        .datetime()
        .length(3)
        .onCreate(() => new Date('2026-01-01T00:00:00.000Z'))
        .onUpdate(() => OURS),
      ...(isVersioned && { version: p.integer().version() }),
    },
  });
  WriteBehind(policy)(entity.class as never);
  return entity;
};

let seen: readonly string[] = [];
const Merged = page('MergedPage', { conflict: 'merge', counters: ['views'] as never });
const Kept = page('KeptPage', { conflict: { merge: { both: 'keep-database' } } });
const Compared = page('ComparedPage', { detect: 'changed-properties', conflict: 'merge' }, false);
const Parked = page('ParkedPage', { detect: 'changed-properties' }, false);
const Asked = page('AskedPage', {
  conflict: ({ changed, ours }) => {
    seen = changed;
    return { write: { name: Reflect.get(ours, 'name') } };
  },
});
const all = [Merged, Kept, Compared, Parked, Asked] as const;
type Page = (typeof all)[number];

const world = stagingOrm([...all]);
let orm: MikroORM;
let id = 0;

beforeEach(async () => {
  orm = world.orm;
  await Spillway.of(orm).drain();
  id += 1;
});

/** A row that both sides have loaded; ours is staged, then another program writes. */
async function both(entity: Page, ours: object, table: string, theirs: string): Promise<void> {
  const em = orm.em.fork();
  em.create(entity, { id } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  Object.assign(await em.findOneOrFail(entity, id as never), ours);
  await em.flush();
  await bySql(table, theirs);
  await Spillway.of(orm).drain();
}

async function bySql(table: string, set: string): Promise<void> {
  await orm.em.getConnection().execute(`update "${table}" set ${set} where id = ${id}`);
}

async function inDatabase(table: string): Promise<Record<string, unknown> | undefined> {
  const rows: unknown[] = await orm.em.getConnection().execute(`select * from "${table}" where id = ${id}`);
  const [row] = rows as (Record<string, unknown> & { updated_at: string })[];
  return row && { ...row, updated_at: new Date(row.updated_at) };
}

async function letters(entity: Page): Promise<string[]> {
  const found = await Spillway.of(orm).deadLetters.list({ entity });
  return found.filter(({ rowKey }) => rowKey.endsWith(`"${id}"]`)).map(({ reason }) => reason);
}

const sql = (set: string, at: string, version = ', version = version + 1'): string =>
  `${set}, editor = 'sql', updated_at = '${at}'${version}`;

describe("conflict: 'merge'", () => {
  test('writes what only we changed, though both sides have a new updatedAt: ours is the later one', async () => {
    await both(Merged, { place: 'ours' }, 'merged_page', sql(`name = 'sql'`, EARLIER));
    expect(await letters(Merged)).toEqual([]);
    expect(await inDatabase('merged_page')).toMatchObject({
      name: 'sql',
      place: 'ours',
      editor: 'ours',
      updated_at: OURS,
      version: 3,
    });
  });

  test('keeps the updatedAt of the database where that is the later one', async () => {
    await both(Merged, { place: 'ours' }, 'merged_page', sql(`name = 'sql'`, LATER));
    expect(await letters(Merged)).toEqual([]);
    expect(await inDatabase('merged_page')).toMatchObject({
      name: 'sql',
      place: 'ours',
      updated_at: new Date(LATER),
    });
  });

  test('still buries what both sides meant, and names nothing else', async () => {
    await both(Merged, { name: 'ours' }, 'merged_page', sql(`name = 'sql'`, EARLIER));
    expect(await letters(Merged)).toEqual(['Both sides have changed "name".']);
    expect(await inDatabase('merged_page')).toMatchObject({ name: 'sql', updated_at: new Date(EARLIER) });
  });

  test('writes no updatedAt of ours where nothing else of ours is written', async () => {
    await both(Kept, { name: 'ours' }, 'kept_page', sql(`name = 'sql'`, EARLIER));
    expect(await letters(Kept)).toEqual([]);
    expect(await inDatabase('kept_page')).toMatchObject({
      name: 'sql',
      editor: 'sql',
      updated_at: new Date(EARLIER),
    });
  });
});

describe("detect: 'changed-properties'", () => {
  test('finds no conflict in what only updatedAt has', async () => {
    await both(Parked, { place: 'ours' }, 'parked_page', sql(`name = 'sql'`, EARLIER, ''));
    expect(await letters(Parked)).toEqual([]);
    expect(await inDatabase('parked_page')).toMatchObject({ name: 'sql', place: 'ours', updated_at: OURS });
  });

  test('accepts two writers of different properties while neither is written', async () => {
    const em = orm.em.fork();
    em.create(Compared, { id } as never);
    await em.flush();
    await Spillway.of(orm).drain();
    const other = orm.em.fork();
    const ours = await em.findOneOrFail(Compared, { id });
    const theirs = await other.findOneOrFail(Compared, { id });
    ours.name = 'first';
    await em.flush();
    theirs.place = 'second';
    await other.flush();
    await Spillway.of(orm).drain();
    expect(await letters(Compared)).toEqual([]);
    expect(await inDatabase('compared_page')).toMatchObject({ name: 'first', place: 'second', updated_at: OURS });
  });
});

describe('a function', () => {
  test('is not told that the other side meant updatedAt, and need not write it', async () => {
    await both(Asked, { name: 'ours' }, 'asked_page', sql(`place = 'sql', name = 'sql'`, EARLIER));
    expect(seen).toEqual(['name']);
    expect(await letters(Asked)).toEqual([]);
    expect(await inDatabase('asked_page')).toMatchObject({
      name: 'ours',
      place: 'sql',
      editor: 'ours',
      updated_at: OURS,
      version: 3,
    });
  });
});

describe('counters', () => {
  test('count without comparing a version, though every flush sets updatedAt too', async () => {
    const em = orm.em.fork();
    em.create(Merged, { id } as never);
    await em.flush();
    await Spillway.of(orm).drain();
    const other = orm.em.fork();
    const [ours, theirs] = [await em.findOneOrFail(Merged, { id }), await other.findOneOrFail(Merged, { id })];
    ours.views += 1;
    await em.flush();
    theirs.views += 1;
    await other.flush();
    expect(ours).toMatchObject({ views: 1, version: 1, updatedAt: OURS });
    await Spillway.of(orm).drain();
    expect(await letters(Merged)).toEqual([]);
    expect(await inDatabase('merged_page')).toMatchObject({ views: 2, version: 1, updated_at: OURS });
  });

  test('put no earlier updatedAt in the place of a later one', async () => {
    await both(Merged, { views: 3 }, 'merged_page', sql(`name = 'sql'`, LATER));
    expect(await letters(Merged)).toEqual([]);
    expect(await inDatabase('merged_page')).toMatchObject({ views: 3, name: 'sql', updated_at: new Date(LATER) });
  });
});
