import type { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, TcpProxy, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeadLetteredError, Spillway, type Receipt } from '../../../src/index.js';
import { Article, type ArticleRepository, repositoryOrm } from './repository-entities.js';

let db: Database;
let orm: MikroORM;
const namespace = freshNamespace();

beforeAll(async () => {
  db = await database();
  // No worker here, and rows that would wait for ten seconds: whatever is written was waited for.
  orm = await repositoryOrm(db.url, { namespace, worker: false, logger: { warn: () => {}, error: () => {} } });
  await orm.schema.create();
  await Spillway.of(orm).start();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const articles = (of = orm): ArticleRepository => of.em.fork().getRepository(Article) as ArticleRepository;

const namesInDatabase = async (ids: readonly string[]): Promise<unknown[]> => {
  const found = await orm.em.getConnection().execute('select id, name from article');
  return ids.map((id) => found.find((row: Record<string, unknown>) => row['id'] === id)?.['name']);
};

const failure = (act: Promise<unknown>): Promise<unknown> => act.catch((error: unknown) => error);

async function save(
  name: string,
  values: Partial<Article> = {},
): Promise<{ article: Article; receipt: Receipt<Article> }> {
  const repository = articles();
  const article = repository.create({ name, ...values });
  return { article, receipt: await repository.save(article) };
}

describe('M5: written()', () => {
  test('makes the rows due and writes them, in a process without a worker too', async () => {
    const saved = await Promise.all(['a', 'b', 'c'].map((name) => save(name)));
    const ids = saved.map(({ article }) => article.id);
    expect(await namesInDatabase(ids)).toEqual([undefined, undefined, undefined]);
    await Promise.all(saved.map(({ receipt }) => receipt.written()));
    expect(await namesInDatabase(ids)).toEqual(['a', 'b', 'c']);
    await Promise.all(saved.map(({ receipt }) => receipt.written({ timeout: '1ms' })));
  });

  test('is settled by a worker elsewhere, where this process cannot write at all', async () => {
    const proxy = await TcpProxy.before(db.url);
    const cut = await repositoryOrm(proxy.url, { namespace, worker: false });
    await Spillway.of(cut).start();
    const other = await repositoryOrm(db.url, { namespace });
    await Spillway.of(other).start();
    await proxy[Symbol.asyncDispose]();
    const written: unknown[] = [];
    Spillway.of(cut).on('written', (event) => written.push(event));
    const repository = articles(cut);
    const article = repository.create({ name: 'elsewhere' });
    await (await repository.save(article)).written();
    expect(await namesInDatabase([article.id])).toEqual(['elsewhere']);
    expect(written).toEqual([]);
    await other.close();
    await cut.close();
  });

  test('resolves for a change that a later one has superseded, and for one that was annihilated', async () => {
    const first = await save('first');
    first.article.name = 'second';
    const repository = articles();
    await repository.getEntityManager().nativeUpdate(Article, { id: first.article.id }, { name: 'third' });
    await first.receipt.written();
    expect(await namesInDatabase([first.article.id])).toEqual(['third']);

    const own = articles();
    const gone = own.create({ name: 'gone' });
    const inserted = await own.save(gone);
    const removed = await own.remove(gone);
    await Promise.all([inserted.written(), removed.written()]);
    expect(await namesInDatabase([gone.id])).toEqual([undefined]);
  });

  test('rejects with the reason when PostgreSQL refuses the row, also when that was before it was called', async () => {
    const { article, receipt } = await save('cheap', { price: -1 });
    const error = await failure(receipt.written());
    expect(error).toBeInstanceOf(DeadLetteredError);
    expect(error).toMatchObject({ code: 'DEAD_LETTERED', letterCode: '23514' });
    expect((error as DeadLetteredError).reason).toContain('article_price_check');
    expect(String(error)).toContain(
      `A change of article ${article.id} was not written and became a dead letter (23514)`,
    );
    expect(await failure(Spillway.of(orm).written(article))).toMatchObject({ code: 'DEAD_LETTERED' });
    const [letter] = await Spillway.of(orm).deadLetters.list({ entity: Article, code: '23514' });
    expect(letter && (await Spillway.of(orm).deadLetters.get(letter))).toMatchObject({ rowKey: letter?.rowKey });
    await Spillway.of(orm).deadLetters.discard(letter as never);
    expect(String(await failure(receipt.written()))).toContain('it has been discarded since');
  });

  test('rejects with WRITE_TIMEOUT while the row is locked, and is settled afterwards', async () => {
    const { article, receipt } = await save('locked');
    await receipt.written();
    const repository = articles();
    const loaded = await repository.findOneOrFail(article.id);
    loaded.name = 'unlocked';
    const later = await repository.save(loaded);
    await orm.em.fork().transactional(async (em) => {
      await em.execute('select 1 from article where id = ? for update', [article.id]);
      const error = await failure(later.written({ timeout: '400ms' }));
      expect(error).toMatchObject({ code: 'WRITE_TIMEOUT' });
      expect(String(error)).toContain(`A change of article ${article.id} did not reach the database within 400 ms`);
    });
    await later.written();
    expect(await namesInDatabase([article.id])).toEqual(['unlocked']);
  });

  test('refuses a time-out that is none', async () => {
    const { receipt } = await save('x');
    expect(await failure(receipt.written({ timeout: '5' as never }))).toMatchObject({ code: 'CONFIG_INVALID' });
    await receipt.written();
  });

  test('after a plain em.flush() waits for entities by the service', async () => {
    const em = orm.em.fork();
    const [one, two] = [em.create(Article, { name: 'one' }), em.create(Article, { name: 'two' })];
    await em.flush();
    await Spillway.of(orm).written([one, two]);
    expect(await namesInDatabase([one.id, two.id])).toEqual(['one', 'two']);
    await Spillway.of(orm).written(two);
    one.name = 'changed';
    await em.flush();
    // An entity manager that has not flushed it waits for all that is pending of the row.
    const elsewhere = await orm.em.fork().findOneOrFail(Article, one.id);
    await Spillway.of(orm).written(elsewhere);
    expect(await namesInDatabase([one.id])).toEqual(['changed']);
    expect(await failure(Spillway.of(orm).written('one' as never))).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('of what a transaction has written by SQL has nothing to wait for', async () => {
    const { article } = await save('by sql');
    const receipt = await orm.em.fork().transactional(async (em) => {
      const repository = em.getRepository(Article) as ArticleRepository;
      const loaded = await repository.findOneOrFail(article.id);
      loaded.name = 'in a transaction';
      return repository.save(loaded);
    });
    await receipt.written();
    expect(await namesInDatabase([article.id])).toEqual(['in a transaction']);
  });
});
