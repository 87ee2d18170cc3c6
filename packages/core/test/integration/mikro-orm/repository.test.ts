import { OptimisticLockError, raw, type MikroORM } from '@mikro-orm/postgresql';
import { loggedDatabase, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, SpillwayError } from '../../../src/index.js';
import {
  Article,
  ArticleRepository,
  Plain,
  type PlainRepository,
  repositoryOrm,
  Review,
  type ReviewRepository,
  Tag,
  TagRepository,
} from './repository-entities.js';

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await repositoryOrm(db.url, { worker: false });
  await orm.schema.create();
  await Spillway.of(orm).start();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const articles = (): ArticleRepository => orm.em.fork().getRepository(Article) as ArticleRepository;

const rows = (sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> =>
  orm.em.getConnection().execute(sql, parameters);

const inDatabase = (id: string): Promise<Record<string, unknown>[]> =>
  rows('select name, price, stock, version from article where id = ?', [id]);

const failure = (act: Promise<unknown>): Promise<unknown> => act.catch((error: unknown) => error);

/** Statements of `act` that read or write rows of the application. */
async function statementsOf(act: () => Promise<unknown>): Promise<string[]> {
  const statements = await db.statements.during(act);
  return statements.filter((sql) => !/nextval|spillway_|^begin|^commit/.test(sql));
}

async function saved(name: string, values: Partial<Article> = {}): Promise<Article> {
  const repository = articles();
  const article = repository.create({ name, ...values });
  await (await repository.save(article)).written();
  return article;
}

describe('@WriteBehind on the repository class', () => {
  test('repository decorators intercept entity saves', async () => {
    const repository = articles();
    expect(repository).toBeInstanceOf(ArticleRepository);
    const article = repository.create({ name: 'Kettle' });
    expect(await statementsOf(() => repository.save(article))).toEqual([]);
    expect(await inDatabase(article.id)).toEqual([]);
    expect(await articles().findOne(article.id)).toMatchObject({ name: 'Kettle', version: 1 });
    article.name = 'Tea kettle';
    expect(await statementsOf(() => repository.getEntityManager().flush())).toEqual([]);
    expect(await articles().cheap()).toHaveLength(1);
    expect(await inDatabase(article.id)).toMatchObject([{ name: 'Tea kettle', version: 2 }]);
  });

  test('intercepts the calls of a plain repository: insert, insertMany, upsert, upsertMany, nativeUpdate, nativeDelete', async () => {
    const tags = orm.em.fork().getRepository(Tag);
    expect(tags).toBeInstanceOf(TagRepository);
    const statements = await statementsOf(async () => {
      await tags.insert({ id: 1, name: 'one' });
      await tags.insertMany([
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      ]);
    });
    expect(statements).toEqual([]);
    await tags.upsert({ id: 2, name: 'second' });
    await tags.upsertMany([{ id: 3, name: 'third' }]);
    expect(await tags.nativeUpdate({ id: 1 }, { name: 'first' })).toBe(1);
    expect(await tags.nativeDelete({ id: 2 })).toBe(1);
    expect(await rows('select id from tag')).toEqual([]);
    const others = orm.em.fork().getRepository(Tag);
    expect(await others.findOne(1)).toMatchObject({ name: 'first' });
    expect(await others.findOne(2)).toBeNull();
    await Spillway.of(orm).drain(Tag);
    expect(await rows('select id, name from tag order by id')).toEqual([
      { id: 1, name: 'first' },
      { id: 3, name: 'third' },
    ]);
  });

  test('keeps what the base class of the application has', async () => {
    const reviews = orm.em.fork().getRepository(Review) as ReviewRepository;
    expect(reviews.label()).toBe('a repository of review');
    const article = await saved('reviewed');
    const review = reviews.create({ text: 'good', article: article.id });
    const receipt = await reviews.save(review);
    expect(receipt).toMatchObject({ keys: [review.id], versions: [undefined] });
    expect(await reviews.pending(review.id)).toMatchObject({
      kind: 'insert',
      changes: { text: 'good', article: article.id },
    });
    await receipt.written();
    expect(await rows('select text from review where id = ?', [review.id])).toEqual([{ text: 'good' }]);
  });
});

describe('save and remove', () => {
  test('flush the whole unit of work, and answer keys and versions in the order given', async () => {
    const repository = articles();
    const [first, second, third] = ['a', 'b', 'c'].map((name) => repository.create({ name })) as [
      Article,
      Article,
      Article,
    ];
    const receipt = await repository.save([second, first]);
    expect(receipt).toMatchObject({ keys: [second.id, first.id], versions: [1, 1] });
    expect(third.version).toBe(1);
    await receipt.written();
    first.name = 'changed';
    expect(await repository.save(first)).toMatchObject({ keys: [first.id], versions: [2] });
    const removed = await repository.remove([first, second]);
    expect(removed.keys).toEqual([first.id, second.id]);
    await removed.written();
    expect(await inDatabase(first.id)).toEqual([]);
    expect(await inDatabase(second.id)).toEqual([]);
    await Spillway.of(orm).written(third);
    expect(await inDatabase(third.id)).toHaveLength(1);
  });

  test('of an entity without a policy write by SQL, as in plain MikroORM', async () => {
    const plain = orm.em.fork().getRepository(Plain) as PlainRepository;
    const receipt = await plain.save(plain.create({ id: 1, name: 'x' }));
    expect(await rows('select name from plain')).toEqual([{ name: 'x' }]);
    await receipt.written();
    const refused = await failure(plain.patch(1, { name: 'y' }));
    expect(refused).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(refused)).toContain('Plain is not written behind. Decorate it with @WriteBehind');
  });
});

describe('patch', () => {
  test('changes a row that nobody has loaded, without any SQL, and raises its version', async () => {
    const article = await saved('old', { stock: 5 });
    const soldAt = new Date('2026-01-02T03:04:05.678Z');
    const statements = await statementsOf(async () => {
      const receipt = await articles().patch(article.id, { name: 'new', soldAt, stock: 3 });
      expect(receipt).toMatchObject({ keys: [article.id] });
    });
    expect(statements).toEqual([]);
    expect(await articles().pending(article.id)).toMatchObject({
      kind: 'update',
      changes: { name: 'new', soldAt, stock: 3 },
    });
    expect(await articles().findOne(article.id)).toMatchObject({ name: 'new', soldAt, stock: 3, price: 1 });
    await Spillway.of(orm).drain(Article);
    expect(await inDatabase(article.id)).toEqual([{ name: 'new', price: 1, stock: 3, version: 2 }]);
    article.name = 'stale';
    expect(await failure(articles().getEntityManager().persist(article).flush())).toBeInstanceOf(OptimisticLockError);
  });

  test('without a version the last write wins over one of SQL, whose version is raised, never lowered', async () => {
    const article = await saved('mine');
    await rows("update article set name = 'theirs', price = 7, version = 40 where id = ?", [article.id]);
    await (await articles().patch(article.id, { name: 'patched' })).written();
    expect(await inDatabase(article.id)).toEqual([{ name: 'patched', price: 7, stock: 0, version: 41 }]);
  });

  test('is no conflict of an entity that is changed while the patch is pending or in flight', async () => {
    const article = await saved('first');
    await articles().patch(article.id, { name: 'patched' });
    const repository = articles();
    const loaded = await repository.findOneOrFail(article.id);
    expect(loaded.name).toBe('patched');
    loaded.price = 9;
    await (await repository.save(loaded)).written();
    expect(await inDatabase(article.id)).toEqual([{ name: 'patched', price: 9, stock: 0, version: 2 }]);
    expect(loaded.version).toBe(2);
  });

  test('with a version is refused where the row has another one', async () => {
    const article = await saved('versioned');
    expect(await articles().patch(article.id, { price: 2 }, { version: 1 })).toMatchObject({ versions: [2] });
    const error = await failure(articles().patch(article.id, { price: 3 }, { version: 1 }));
    expect(error).toBeInstanceOf(OptimisticLockError);
    await Spillway.of(orm).drain(Article);
    expect(await inDatabase(article.id)).toMatchObject([{ price: 2, version: 2 }]);
  });

  test('of a row that is not there becomes a dead letter ROW_MISSING', async () => {
    const id = '018f3f0e-0000-7000-8000-00000000aaaa';
    const receipt = await articles().patch(id, { price: 2 });
    expect(await failure(receipt.written())).toMatchObject({
      name: 'DeadLetteredError',
      code: 'DEAD_LETTERED',
      letterCode: 'ROW_MISSING',
    });
  });

  test.each([
    [{ nme: 'x' }, 'it has no property "nme"'],
    [{ id: 'x' }, '"id" is part of the primary key, which never changes'],
    [{ version: 3 }, '"version" is the version, which is raised by itself. Give the expected one as { version }'],
    [{ name: null }, '"name" cannot be null'],
    [{ name: raw('now()') }, '"name" is given as raw(). Use em.nativeUpdate()'],
    [{ price: 'dear' }, '"price" cannot be a string'],
    [{ name: undefined }, 'it sets no property'],
  ])('refuses %j by name', async (changes, message) => {
    const error = await failure(articles().patch('018f3f0e-0000-7000-8000-00000000aaab', changes as never));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).toContain(`A patch of Article cannot be staged: ${message}`);
  });

  test('refuses a version for an entity without one', async () => {
    const tags = Spillway.of(orm).patch(Tag, 1, { name: 'x' }, { version: 1 });
    expect(String(await failure(tags))).toContain('it expects a version, but the entity has no version property');
  });
});

describe('increment', () => {
  test('adds to a counter of a row that nobody has loaded', async () => {
    const article = await saved('counted', { stock: 5 });
    const receipt = await articles().increment(article.id, { stock: 2 });
    expect(receipt).toMatchObject({ keys: [article.id], versions: [undefined] });
    expect(await articles().pending(article.id)).toMatchObject({ kind: 'increment', increments: { stock: '2' } });
    await receipt.written();
    expect(await articles().pending(article.id)).toBeUndefined();
    expect(await inDatabase(article.id)).toMatchObject([{ stock: 7, version: 1 }]);
  });

  test('M1: of what is no counter is refused with the remedy', async () => {
    const error = await failure(articles().increment('018f3f0e-0000-7000-8000-00000000aaab', { price: 1 }));
    expect(error).toBeInstanceOf(SpillwayError);
    expect(String(error)).toContain('"price" of Article is no counter (counters: stock). Name it in @WriteBehind');
  });

  test('with a key that is no number is refused by name', async () => {
    const error = await failure(Spillway.of(orm).increment(Review, 'seven' as never, {}));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).toContain('Review: "seven" is no primary key, since id is of type integer');
  });
});

test('the repository drains its own entity', async () => {
  const repository = articles();
  await repository.save(repository.create({ name: 'drained' }));
  expect(await repository.drain({ timeout: '10s' })).toEqual({ left: 0 });
  expect(await rows("select name from article where name = 'drained'")).toHaveLength(1);
});
