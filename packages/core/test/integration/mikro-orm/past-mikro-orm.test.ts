import { defineEntity, OptimisticLockError, p, raw } from '@mikro-orm/postgresql';
import { afterEach, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { pending } from './twins.js';
import { stagingOrm } from './staging-orm.js';

const Article = defineEntity({
  name: 'Article',
  properties: { id: p.integer().primary(), title: p.string(), version: p.integer().version() },
});
WriteBehind()(Article.class);
const own = stagingOrm([Article]);

interface Tables {
  article: { id: number; title: string; version: number };
}
const kysely = () => own.orm.em.fork().getKysely<Tables>();

/** SQL that goes past MikroORM's own calls, of which Spillway sees nothing. */
interface Way {
  titles(): Promise<unknown>;
  /** Raises the version, as everybody has to who writes by SQL. */
  rename(): Promise<unknown>;
}
const WAYS: Readonly<Record<string, Way>> = {
  'the query builder': {
    titles: () => own.orm.em.fork().createQueryBuilder(Article).select('title').execute('all', false),
    rename: () => {
      const query = own.orm.em.fork().createQueryBuilder(Article);
      return query.update({ title: 'by SQL', version: raw('version + 1') }).execute();
    },
  },
  Kysely: {
    titles: () => kysely().selectFrom('article').select('title').execute(),
    rename: () =>
      kysely()
        .updateTable('article')
        .set(({ eb }) => ({ title: 'by SQL', version: eb('version', '+', 1) }))
        .execute(),
  },
  'em.execute()': {
    titles: () => own.orm.em.fork().execute('select title from article'),
    rename: () => own.orm.em.fork().execute(`update article set title = 'by SQL', version = version + 1`),
  },
};

afterEach(async () => {
  await Spillway.of(own.orm).drain();
  await own.orm.em.execute('delete from article');
});

test.each(Object.entries(WAYS))('%s sees what was staged once drain() has written it', async (_, way) => {
  const em = own.orm.em.fork();
  em.create(Article, { id: 1, title: 'staged' });
  await em.flush();
  expect(await way.titles()).toEqual([]);
  expect(await pending(own.orm)).toBe(1);
  await Spillway.of(own.orm).drain(Article);
  expect(await way.titles()).toEqual([{ title: 'staged' }]);
});

test.each(Object.entries(WAYS))(
  '%s writes after drain(), and who has loaded the row before is told',
  async (_, way) => {
    const em = own.orm.em.fork();
    const article = em.create(Article, { id: 1, title: 'staged' });
    await em.flush();
    await Spillway.of(own.orm).drain(Article);
    await way.rename();
    expect(await own.orm.em.fork().findOneOrFail(Article, 1)).toMatchObject({
      title: 'by SQL',
      version: article.version + 1,
    });
    const later = own.orm.em.fork();
    (await later.findOneOrFail(Article, 1)).title = 'after it';
    await later.flush();
    article.title = 'stale';
    await expect(em.flush()).rejects.toThrow(OptimisticLockError);
    await Spillway.of(own.orm).drain(Article);
    expect(await way.titles()).toEqual([{ title: 'after it' }]);
    expect(await Spillway.of(own.orm).deadLetters.list()).toEqual([]);
  },
);
