import { defineEntity, OptimisticLockError, p, type EntitySchema, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind, type WritePolicy } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

/**
 * Two writers make the same version number: one stages 1 -> 2, the other writes the row by SQL from 1 to 2 (H15). The
 * number does not prove who wrote the row, so an acknowledged change is seen until it is written, refused by its
 * strategy, or a dead letter that holds its values (R10).
 */
function note(name: string, policy: WritePolicy) {
  const entity = defineEntity({
    name,
    properties: {
      id: p.integer().primary(),
      name: p.string().default('old'),
      place: p.string().default('old'),
      views: p.integer().default(0),
      version: p.integer().version(),
    },
  });
  WriteBehind(policy)(entity.class as never);
  return entity;
}

const Parked = note('Parked', {});
const Merged = note('Merged', { conflict: 'merge' });
const Over = note('Over', { conflict: 'overwrite' });
const Kept = note('Kept', { conflict: 'keep-database' });
const Laid = note('Laid', { queries: 'overlay' });
const Cached = note('Cached', { cache: { ttl: '1m' } });
const Counted = note('Counted', { counters: ['views'] });
const Refused = note('Refused', { retry: { attempts: 1 } });
const all = [Parked, Merged, Over, Kept, Laid, Cached, Counted, Refused] as const;
type Note = (typeof all)[number];

const Leaf: EntitySchema = defineEntity({
  name: 'Leaf',
  properties: { id: p.integer().primary(), of: () => p.manyToOne(Refused) },
});
WriteBehind()(Leaf.class as never);

const Dated = defineEntity({
  name: 'Dated',
  properties: { id: p.integer().primary(), name: p.string(), version: p.datetime().length(3).version() },
});
WriteBehind()(Dated.class as never);

const Compared = defineEntity({
  name: 'Compared',
  properties: { id: p.integer().primary(), name: p.string(), place: p.string().default('old') },
});
WriteBehind({ detect: 'changed-properties' })(Compared.class as never);

const world = stagingOrm([...all, Leaf, Dated, Compared]);
let orm: MikroORM;
let spill: Spillway;
let id = 0;

beforeEach(async () => {
  orm = world.orm;
  spill = Spillway.of(orm);
  await spill.drain();
  id += 1;
});

/** A row of version 1 that is written, and what its writer loaded. */
async function written(entity: Note): Promise<void> {
  const em = orm.em.fork();
  em.create(entity, { id });
  await em.flush();
  await spill.drain();
}

/** Another program, which Spillway knows nothing of. */
async function bySql(table: string, set: string): Promise<void> {
  await orm.em.getConnection().execute(`update "${table}" set ${set} where id = ${id}`);
}

async function inDatabase(table: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await orm.em.getConnection().execute(`select * from "${table}" where id = ${id}`);
  return row as Record<string, unknown> | undefined;
}

/** Values of the row's dead letters. */
async function letters(entity: Note): Promise<unknown[]> {
  const found = await spill.deadLetters.list({ entity });
  return found.filter(({ rowKey }) => rowKey.endsWith(`"${id}"]`)).map(({ record }) => record.values);
}

const sameNumber = "name = 'sql', version = version + 1";

async function stagedBeside(entity: Note, table: string, set = sameNumber): Promise<void> {
  await written(entity);
  const em = orm.em.fork();
  const row = await em.findOneOrFail(entity, id);
  row.name = 'A';
  await em.flush();
  await bySql(table, set);
}

describe('a look-up shows an acknowledged change though SQL has made the same version number (H15, R10a)', () => {
  test.each([
    ['that is dead-lettered', Parked, 'parked'],
    ['that is merged', Merged, 'merged'],
    ['of a cached entity', Cached, 'cached'],
    ['of an entity with counters', Counted, 'counted'],
    ['of an entity whose queries are laid over', Laid, 'laid'],
  ] as const)('%s', async (_, entity, table) => {
    await stagedBeside(entity, table);
    const found = await orm.em.fork().findOneOrFail(entity, id);
    expect([found.name, found.version]).toEqual(['A', 2]);
  });

  test('also where SQL is several numbers past it', async () => {
    await stagedBeside(Parked, 'parked', "name = 'sql', version = version + 3");
    const found = await orm.em.fork().findOneOrFail(Parked, id);
    expect([found.name, found.version]).toEqual(['A', 2]);
  });

  test('in an overlaid query', async () => {
    await stagedBeside(Laid, 'laid');
    const [found] = await orm.em.fork().find(Laid, { id: { $gte: id, $lte: id } });
    expect([found?.name, found?.version]).toEqual(['A', 2]);
  });

  test('and a pending delete, though the row has been changed meanwhile', async () => {
    await written(Parked);
    const em = orm.em.fork();
    em.remove(await em.findOneOrFail(Parked, id));
    await em.flush();
    await bySql('parked', sameNumber);
    expect(await orm.em.fork().findOne(Parked, id)).toBeNull();
  });

  test('and a pending insert, though another program has inserted the key', async () => {
    const em = orm.em.fork();
    em.create(Parked, { id, name: 'A' });
    await em.flush();
    await em.getConnection().execute(`insert into parked (id, name, place, views) values (${id}, 'sql', 'old', 0)`);
    expect((await orm.em.fork().findOneOrFail(Parked, id)).name).toBe('A');
  });
});

describe('a writer who has read the row of SQL is told, and not merged onto a change that it has not seen (R10b)', () => {
  /** B has read version 2, which SQL has made, before A stages its own version 2. */
  async function readBefore(entity: Note, table: string) {
    await written(entity);
    const [a, b] = [orm.em.fork(), orm.em.fork()];
    const ofA = await a.findOneOrFail(entity, id);
    await bySql(table, sameNumber);
    const ofB = await b.findOneOrFail(entity, id);
    ofA.name = 'A';
    await a.flush();
    return { b, ofB };
  }

  test.each([
    ['by an update', Parked, 'parked'],
    ['by an update of a cached entity', Cached, 'cached'],
    ['by an update of an entity whose conflicts are overwritten', Over, 'over'],
  ] as const)('%s', async (_, entity, table) => {
    const { b, ofB } = await readBefore(entity, table);
    ofB.place = 'B';
    await expect(b.flush()).rejects.toThrow(OptimisticLockError);
    await b.refresh(ofB);
    expect([ofB.name, ofB.version]).toEqual(['A', 2]);
    ofB.place = 'B';
    await b.flush();
  });

  test('by a delete', async () => {
    const { b, ofB } = await readBefore(Parked, 'parked');
    b.remove(ofB);
    await expect(b.flush()).rejects.toThrow(OptimisticLockError);
  });

  test('also where a query has answered the row', async () => {
    await written(Parked);
    const [a, b] = [orm.em.fork(), orm.em.fork()];
    const ofA = await a.findOneOrFail(Parked, id);
    await bySql('parked', sameNumber);
    const [ofB] = await b.find(Parked, { id: { $gte: id, $lte: id } });
    ofA.name = 'A';
    await a.flush();
    if (ofB) ofB.place = 'B';
    await expect(b.flush()).rejects.toThrow(OptimisticLockError);
  });
});

describe('a writer who has seen the staged change builds on it, however its entity manager came by it', () => {
  const staged = async (): Promise<void> => stagedBeside(Parked, 'parked');

  test('by a look-up', async () => {
    await staged();
    const em = orm.em.fork();
    (await em.findOneOrFail(Parked, id)).place = 'B';
    await em.flush();
    expect((await orm.em.fork().findOneOrFail(Parked, id)).place).toBe('B');
  });

  test('by its own flush before', async () => {
    await written(Parked);
    const em = orm.em.fork();
    const row = await em.findOneOrFail(Parked, id);
    for (const name of ['A', 'B', 'C']) {
      row.name = name;
      await em.flush();
    }
    expect((await spill.pending(Parked, id))?.version).toBe(4);
  });

  test('by a reference that was loaded later', async () => {
    await staged();
    const em = orm.em.fork();
    const row = em.getReference(Parked, id);
    await em.findOneOrFail(Parked, id);
    row.place = 'B';
    await em.flush();
    expect((await spill.pending(Parked, id))?.changes).toMatchObject({ place: 'B' });
  });

  test('in a transaction that holds what it changes, and after it', async () => {
    await staged();
    const em = orm.em.fork();
    const row = await em.findOneOrFail(Parked, id);
    await em.transactional(
      async (inside) => {
        (await inside.findOneOrFail(Parked, id)).place = 'B';
        await inside.flush();
      },
      { spillway: 'stage' },
    );
    row.place = 'C';
    await em.flush();
    expect((await orm.em.fork().findOneOrFail(Parked, id)).place).toBe('C');
  });

  test('by a version that the caller gives to em.merge()', async () => {
    await staged();
    const em = orm.em.fork();
    const row = em.merge(Parked, { id, name: 'A', place: 'old', views: 0, version: 2 });
    row.place = 'B';
    await em.flush();
    expect((await spill.pending(Parked, id))?.changes).toMatchObject({ place: 'B' });
  });

  test('by em.upsert(), which has staged the row', async () => {
    await staged();
    const em = orm.em.fork();
    const row = await em.upsert(Parked, { id, name: 'up', place: 'old', views: 0 });
    row.place = 'B';
    await em.flush();
    expect((await spill.pending(Parked, id))?.changes).toMatchObject({ place: 'B' });
  });

  test('by an overlaid query', async () => {
    await stagedBeside(Laid, 'laid');
    const em = orm.em.fork();
    const [row] = await em.find(Laid, { id: { $gte: id, $lte: id } });
    if (row) row.place = 'B';
    await em.flush();
    expect((await spill.pending(Laid, id))?.changes).toMatchObject({ name: 'A', place: 'B' });
  });

  test('by em.nativeUpdate()', async () => {
    await staged();
    await orm.em.fork().nativeUpdate(Parked, { id }, { place: 'B' });
    expect((await spill.pending(Parked, id))?.changes).toMatchObject({ name: 'A', place: 'B' });
  });

  test('by an insert and a change of the same row in one entity manager', async () => {
    const em = orm.em.fork();
    const row = em.create(Parked, { id, name: 'A' });
    await em.flush();
    row.place = 'B';
    await em.flush();
    await spill.drain();
    expect(await inDatabase('parked')).toMatchObject({ name: 'A', place: 'B', version: 2 });
  });
});

describe('once it is written, the conflict is settled aloud by the strategy, with the values of both (R10c)', () => {
  async function both(entity: Note, table: string): Promise<void> {
    await stagedBeside(entity, table);
    const em = orm.em.fork();
    (await em.findOneOrFail(entity, id)).place = 'B';
    await em.flush();
    await spill.drain();
  }

  test('a dead letter holds both changes, and the row is that of SQL', async () => {
    await both(Parked, 'parked');
    expect(await letters(Parked)).toEqual([{ name: '"A"', place: '"B"' }]);
    expect(await inDatabase('parked')).toMatchObject({ name: 'sql', place: 'old' });
  });

  test('a merge buries what both sides changed, with the rest', async () => {
    await both(Merged, 'merged');
    expect(await letters(Merged)).toEqual([{ name: '"A"', place: '"B"' }]);
  });

  test('a merge writes what only staging has changed', async () => {
    await stagedBeside(Merged, 'merged', 'views = 7, version = version + 1');
    await spill.drain();
    expect(await inDatabase('merged')).toMatchObject({ name: 'A', views: 7 });
  });

  test('an overwrite writes both', async () => {
    await both(Over, 'over');
    expect(await inDatabase('over')).toMatchObject({ name: 'A', place: 'B' });
  });

  test('keep-database drops both, and says so', async () => {
    const said: unknown[] = [];
    const stop = spill.on('conflict', (event) => said.push(event));
    await both(Kept, 'kept');
    stop();
    expect(said).toHaveLength(1);
    expect(await inDatabase('kept')).toMatchObject({ name: 'sql', place: 'old' });
  });
});

describe('a version that PostgreSQL has refused is in no row', () => {
  /** Refuses the name "A" for the row. */
  async function refusing(): Promise<void> {
    await written(Refused);
    const check = `check (id <> ${id} or name <> 'A')`;
    await orm.em.getConnection().execute(`alter table refused add constraint no_a_${id} ${check}`);
  }

  test('its holder is told where another program has made the number', async () => {
    await refusing();
    const em = orm.em.fork();
    const row = await em.findOneOrFail(Refused, id);
    row.name = 'A';
    await em.flush();
    await spill.drain();
    expect(await letters(Refused)).toHaveLength(1);
    await bySql('refused', "place = 'sql', version = version + 1");
    row.name = 'B';
    await expect(em.flush()).rejects.toThrow(OptimisticLockError);
    await spill.drain();
    expect(await inDatabase('refused')).toMatchObject({ name: 'old', place: 'sql', version: 2 });
  });

  test('its holder is told where another caller has changed the row', async () => {
    await refusing();
    const em = orm.em.fork();
    const row = await em.findOneOrFail(Refused, id);
    row.name = 'A';
    await em.flush();
    await spill.drain();
    expect(await letters(Refused)).toHaveLength(1);
    const other = orm.em.fork();
    (await other.findOneOrFail(Refused, id)).place = 'other';
    await other.flush();
    await spill.drain();
    row.place = 'A';
    await expect(em.flush()).rejects.toThrow(OptimisticLockError);
    await spill.drain();
    expect(await inDatabase('refused')).toMatchObject({ name: 'old', place: 'other', version: 3 });
  });

  test('a caller who reads the row of that number by a joined relation may change it', async () => {
    await refusing();
    const em = orm.em.fork();
    const row = await em.findOneOrFail(Refused, id);
    row.name = 'A';
    em.create(Leaf, { id, of: row } as never);
    await em.flush();
    await spill.drain();
    await bySql('refused', "place = 'sql', version = version + 1");
    const other = orm.em.fork();
    const leaf = await other.findOneOrFail(Leaf, { of: { id } }, { populate: ['of'], strategy: 'joined' });
    (leaf.of as { place: string }).place = 'seen';
    await other.flush();
    await spill.drain();
    expect(await inDatabase('refused')).toMatchObject({ name: 'old', place: 'seen', version: 3 });
  });
});

describe('versions that are moments', () => {
  test('prove no writer either: a look-up shows the staged change though SQL has made a later moment', async () => {
    const em = orm.em.fork();
    const row = em.create(Dated, { id, name: 'old' } as never);
    await em.flush();
    await spill.drain();
    row.name = 'A';
    await em.flush();
    await bySql('dated', `name = 'sql', version = version + interval '1 hour'`);
    const other = orm.em.fork();
    const found = await other.findOneOrFail(Dated, id);
    expect(found.name).toBe('A');
    found.name = 'B';
    await other.flush();
    await spill.drain();
    const [letter] = await spill.deadLetters.list({ entity: Dated });
    expect(letter?.record.values).toEqual({ name: '"B"' });
  });
});

describe('changed properties, without a version', () => {
  async function loadedTwice() {
    const em = orm.em.fork();
    em.create(Compared, { id, name: 'old' });
    await em.flush();
    await spill.drain();
    const [a, b] = [orm.em.fork(), orm.em.fork()];
    const [ofA, ofB] = [await a.findOneOrFail(Compared, id), await b.findOneOrFail(Compared, id)];
    ofA.name = 'A';
    await a.flush();
    return { b, ofB };
  }

  test('a writer who has not seen what is staged of them is told, as plain MikroORM tells it', async () => {
    const { b, ofB } = await loadedTwice();
    ofB.name = 'B';
    await expect(b.flush()).rejects.toThrow(OptimisticLockError);
    await b.refresh(ofB);
    expect(ofB.name).toBe('A');
    ofB.name = 'B';
    await b.flush();
    await spill.drain();
    expect(await inDatabase('compared')).toMatchObject({ name: 'B' });
  });

  test('another property of the row may be changed', async () => {
    const { b, ofB } = await loadedTwice();
    ofB.place = 'B';
    await b.flush();
    await spill.drain();
    expect(await inDatabase('compared')).toMatchObject({ name: 'A', place: 'B' });
  });

  test('SQL that changes the same property meets the strategy, with the values of both sides', async () => {
    await loadedTwice();
    await bySql('compared', "name = 'sql'");
    expect((await orm.em.fork().findOneOrFail(Compared, id)).name).toBe('A');
    await spill.drain();
    const found = await spill.deadLetters.list({ entity: Compared });
    expect(found.map(({ record }) => record.values)).toContainEqual({ name: '"A"' });
  });
});

describe('a row that comes back under its key', () => {
  test('with the version number of the staged change, does not take its place', async () => {
    await written(Parked);
    const em = orm.em.fork();
    (await em.findOneOrFail(Parked, id)).name = 'A';
    await em.flush();
    await em.getConnection().execute(`delete from parked where id = ${id}`);
    await em
      .getConnection()
      .execute(`insert into parked (id, name, place, views, version) values (${id}, 'sql', 'old', 0, 2)`);
    expect((await orm.em.fork().findOneOrFail(Parked, id)).name).toBe('A');
    await spill.drain();
    expect(await letters(Parked)).toEqual([{ name: '"A"' }]);
    expect(await inDatabase('parked')).toMatchObject({ name: 'sql' });
  });
});
