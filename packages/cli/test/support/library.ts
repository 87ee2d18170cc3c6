import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind } from '@spillway/core';
import { runSql, type Shop } from './shop.js';

const Book = defineEntity({ name: 'Book', properties: { id: p.integer().primary(), title: p.string() } });
WriteBehind({ detect: 'none' })(Book.class);

/** Another release of the shop, which stages books. */
export async function openLibrary({ db, options }: Shop): Promise<AsyncDisposable & { readonly spillway: Spillway }> {
  await runSql(db.url, 'create table book (id int primary key, title text not null)');
  const extensions = [spillway({ ...options, worker: false })];
  const orm = await MikroORM.init({ entities: [Book], clientUrl: db.url, extensions });
  return { spillway: Spillway.of(orm), [Symbol.asyncDispose]: async () => orm.close() };
}
