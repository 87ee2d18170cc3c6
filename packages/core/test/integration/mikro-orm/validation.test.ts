import { raw, type MikroORM } from '@mikro-orm/postgresql';
import { loggedDatabase, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, ValidationFailedError } from '../../../src/index.js';
import {
  Grouped,
  Hall,
  Hooked,
  Outside,
  Placed,
  refused,
  Through,
  Unasked,
  User,
  type UserRepository,
  validationOrm,
} from './validation-entities.js';

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await validationOrm(db.url);
  await orm.schema.create();
  await Spillway.of(orm).start();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const failure = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => 'no error',
    (error: unknown) => error,
  );

/** TypeScript cannot tell which of the types of a branded number an expression is. */
const RAISED = { age: raw('age + 1') } as object;

const users = (): UserRepository => orm.em.fork().getRepository(User) as UserRepository;

const rows = (sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> =>
  orm.em.getConnection().execute(sql, parameters);

async function saved(email: string): Promise<User> {
  const repository = users();
  const user = repository.create({ email, age: 1 });
  await (await repository.save(user)).written();
  return user;
}

/** Nothing may have been staged or written by `act`. */
async function leavesNothing(act: () => Promise<unknown>): Promise<unknown> {
  const before = (await Spillway.of(orm).status()).staged;
  let error: unknown;
  const statements = await db.statements.during(async () => {
    error = await failure(act());
  });
  expect(statements.filter((sql) => /insert|update|delete/.test(sql) && !/spillway_|for update/.test(sql))).toEqual([]);
  expect((await Spillway.of(orm).status()).staged).toBe(before);
  return error;
}

describe('a flush', () => {
  test('of a new entity is validated whole: nothing is staged, and a corrected one can be flushed', async () => {
    const em = orm.em.fork();
    const good = em.create(User, { email: 'good@example.org', age: 3 });
    const bad = em.create(User, { email: 'nowhere', age: -1 });
    const error = await leavesNothing(() => em.flush());
    expect(refused(error).toSorted()).toEqual(['age:min', 'email:isEmail']);
    expect(String(error)).toBe(
      "ValidationFailedError: User is not valid, so nothing was staged or written: email (isEmail); age (min). Correct it and flush again; errors has class-validator's errors [VALIDATION_FAILED]",
    );
    expect(error).toBeInstanceOf(ValidationFailedError);
    expect((error as ValidationFailedError).errors[0]).toMatchObject({ property: 'email', value: 'nowhere' });
    expect((error as ValidationFailedError).errors[0]?.target).toBe(bad);
    bad.email = 'bad@example.org';
    bad.age = 4;
    await em.flush();
    await Spillway.of(orm).written([good, bad]);
    expect(await rows('select age, version from app_user where id in (?, ?) order by age', [good.id, bad.id])).toEqual([
      { age: 3, version: 1 },
      { age: 4, version: 1 },
    ]);
  });

  test('of a changed entity is validated in what has changed', async () => {
    const user = await saved('changed@example.org');
    await rows("update app_user set email = 'broken' where id = ?", [user.id]);
    const em = orm.em.fork();
    const loaded = await em.findOneOrFail(User, user.id);
    loaded.age = 5;
    await em.flush();
    loaded.age = -5;
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['age:min']);
    loaded.age = 6;
    await em.flush();
    await Spillway.of(orm).written(loaded);
    expect(await rows('select age, email, version from app_user where id = ?', [user.id])).toEqual([
      { age: 6, email: 'broken', version: 3 },
    ]);
    em.remove(loaded);
    await em.flush();
  });

  test('leaves relations alone: neither referenced entities nor collections are validated', async () => {
    const broken = await saved('friend@example.org');
    await rows("update app_user set email = 'broken' where id = ?", [broken.id]);
    const em = orm.em.fork();
    const friend = await em.findOneOrFail(User, broken.id);
    const user = em.create(User, { email: 'has.friend@example.org', age: 1, friend });
    await em.flush();
    expect(user.friend?.unwrap()).toBe(friend);
    const loaded = await orm.em.fork().findOneOrFail(User, friend.id, { populate: ['friends'] });
    expect(loaded.friends).toHaveLength(1);
  });

  test('validates embeddables whole where one of their parts has changed, nested ones and arrays too', async () => {
    const em = orm.em.fork();
    const place = em.create(Placed, { id: 1, home: { street: 'Main', code: '12345', zone: { country: 'DE' } } });
    await em.flush();
    place.home.zone.country = 'GER';
    place.zones.push({ country: 'X' });
    expect(refused(await leavesNothing(() => em.flush())).toSorted()).toEqual([
      'home.zone.country:isLength',
      'zones.0.country:isLength',
    ]);
    place.home.zone.country = 'AT';
    place.zones[0] = { country: 'AT' };
    place.home.code = 'x';
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['home.code:matches']);
    place.home.code = '54321';
    await em.flush();
    await Spillway.of(orm).written(place);
    expect(await rows('select home_code, home_zone_country from placed')).toEqual([
      { home_code: '54321', home_zone_country: 'AT' },
    ]);
  });

  test('is validated after the hooks of the entity, staged and by SQL', async () => {
    const em = orm.em.fork();
    em.create(Hooked, { id: 1, title: 'As staged' });
    await em.flush();
    await orm.em.fork().transactional((inside) => {
      inside.create(Hooked, { id: 2, title: 'By SQL' });
    });
    em.create(Hooked, { id: 3, title: 'No. 3' });
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['slug:matches']);
    await Spillway.of(orm).drain(Hooked);
    expect(await rows('select slug from hooked order by id')).toEqual([{ slug: 'as-staged' }, { slug: 'by-sql' }]);
  });

  test('together with plain entities, and in a transaction, writes nothing if anything is invalid', async () => {
    const em = orm.em.fork();
    const outside = em.create(Outside, { id: 1, name: 'plain' });
    const user = em.create(User, { email: 'nowhere', age: 1 });
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['email:isEmail']);
    user.email = 'mixed@example.org';
    outside.name = 'x';
    await em.flush();
    expect(await rows('select name from outside')).toEqual([{ name: 'x' }]);
    expect(await rows('select age from app_user where email = ?', [user.email])).toEqual([{ age: 1 }]);

    await orm.em.fork().transactional(async (inside) => {
      const loaded = await inside.findOneOrFail(User, user.id);
      const added = inside.create(Outside, { id: 2, name: 'inside' });
      loaded.email = 'nowhere';
      expect(refused(await failure(inside.flush()))).toEqual(['email:isEmail']);
      expect(await inside.execute('select name from outside where id = 2')).toEqual([]);
      loaded.email = 'inside@example.org';
      added.name = 'later';
    });
    expect(await rows('select name from outside where id = 2')).toEqual([{ name: 'later' }]);
    expect(await rows('select version from app_user where email = ?', ['inside@example.org'])).toEqual([
      { version: 2 },
    ]);
  });

  test('of an invalid removal is not validated, and a valid one is not lost with an invalid flush', async () => {
    const user = await saved('removed@example.org');
    await rows("update app_user set email = 'broken' where id = ?", [user.id]);
    const em = orm.em.fork();
    const loaded = await em.findOneOrFail(User, user.id);
    em.remove(loaded);
    const other = em.create(User, { email: 'nowhere', age: 1 });
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['email:isEmail']);
    other.email = 'other@example.org';
    await em.flush();
    await Spillway.of(orm).drain(User);
    expect(await rows('select email from app_user where id in (?, ?)', [user.id, other.id])).toEqual([
      { email: 'other@example.org' },
    ]);
  });
});

describe('calls past the unit of work', () => {
  const id = '018f3f0e-0000-7000-8000-0000000000d1';

  test('insert and insertMany are validated whole, but for what the database puts in', async () => {
    const em = orm.em.fork();
    expect(refused(await leavesNothing(() => em.insert(User, { id, email: 'nowhere', age: 2 })))).toEqual([
      'email:isEmail',
    ]);
    const two = [
      { id, email: 'a@example.org', age: 2 },
      { email: 'b', age: -2 },
    ];
    expect(refused(await leavesNothing(() => em.insertMany(User, two as never))).toSorted()).toEqual([
      'age:min',
      'email:isEmail',
    ]);
    const detached = orm.em.fork().create(User, { email: 'nowhere', age: 1 }, { persist: false });
    expect(refused(await leavesNothing(() => em.insert(detached)))).toEqual(['email:isEmail']);
    await em.insert(User, { id, email: 'inserted@example.org' });
    await Spillway.of(orm).drain(User);
    expect(await rows('select email, age from app_user where id = ?', [id])).toEqual([
      { email: 'inserted@example.org', age: 0 },
    ]);
  });

  test('upsert and upsertMany are validated whole, nativeUpdate and patch in what they give', async () => {
    const em = orm.em.fork();
    const user = await saved('calls@example.org');
    expect(refused(await leavesNothing(() => em.upsert(User, { id: user.id, email: 'x', age: 2 })))).toEqual([
      'email:isEmail',
    ]);
    expect(
      refused(await leavesNothing(() => em.upsertMany(User, [{ id: user.id, email: 'x', age: 2 }] as never))),
    ).toEqual(['email:isEmail']);
    expect(refused(await leavesNothing(() => em.nativeUpdate(User, { id: user.id }, { age: -1 })))).toEqual([
      'age:min',
    ]);
    expect(
      refused(await leavesNothing(() => em.nativeUpdate(User, { email: 'calls@example.org' }, { age: -1 }))),
    ).toEqual(['age:min']);
    expect(refused(await leavesNothing(() => users().patch(user.id, { age: -1 })))).toEqual(['age:min']);
    expect(refused(await leavesNothing(() => Spillway.of(orm).patch(User, user.id, { age: -1 })))).toEqual(['age:min']);
    await users().patch(user.id, { age: 7 });
    await em.nativeUpdate(User, { id: user.id }, RAISED);
    expect(await rows('select age from app_user where id = ?', [user.id])).toEqual([{ age: 8 }]);
  });

  test('data for embeddables is validated as the embeddable, nested or flat', async () => {
    const em = orm.em.fork();
    const home = { street: '', code: '12345', zone: { country: 'DE' } };
    expect(refused(await leavesNothing(() => em.insert(Placed, { id: 9, home })))).toEqual(['home.street:isNotEmpty']);
    await em.insert(Placed, { id: 9, home: { ...home, street: 'Side' }, zones: [] });
    expect(
      refused(await leavesNothing(() => em.nativeUpdate(Placed, { id: 9 }, { zones: [{ country: 'X' }] }))),
    ).toEqual(['zones.0.country:isLength']);
  });
});

describe('the policy', () => {
  test('names groups', async () => {
    const em = orm.em.fork();
    const grouped = em.create(Grouped, { id: 1, name: 'ab' });
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['name:isLength']);
    grouped.name = 'abc';
    await em.flush();
  });

  test('can leave class-validator out', async () => {
    const em = orm.em.fork();
    em.create(Unasked, { id: 1, name: 'a' });
    await em.flush();
    expect(await orm.em.fork().findOne(Unasked, 1)).toMatchObject({ name: 'a' });
  });

  test('is for entities that are written through, too, and for no others', async () => {
    const em = orm.em.fork();
    const through = em.create(Through, { id: 1, name: 'a' });
    expect(refused(await leavesNothing(() => em.flush()))).toEqual(['name:isLength']);
    through.name = 'abc';
    await em.flush();
    expect(await rows('select name from through')).toEqual([{ name: 'abc' }]);
    expect(refused(await leavesNothing(() => em.nativeUpdate(Through, { id: 1 }, { name: 'a' })))).toEqual([
      'name:isLength',
    ]);
    await em.insert(Outside, { id: 77, name: 'a' });
  });
});

describe('increment()', () => {
  test('names a difference, so it passes @Max by; a check constraint of the table refuses the sum', async () => {
    const em = orm.em.fork();
    em.create(Hall, { id: 1, guests: 90 });
    await em.flush();
    await Spillway.of(orm).drain(Hall);
    const receipt = await Spillway.of(orm).increment(Hall, 1, { guests: 20 });
    await expect(receipt.written()).rejects.toMatchObject({ code: 'DEAD_LETTERED' });
    expect(await rows('select guests from hall where id = 1')).toEqual([{ guests: 90 }]);
    const [letter] = await Spillway.of(orm).deadLetters.list({ entity: Hall });
    expect(letter).toMatchObject({ code: '23514' });
    expect(await failure(Spillway.of(orm).patch(Hall, 1, { guests: 110 }))).toBeInstanceOf(ValidationFailedError);
  });
});
