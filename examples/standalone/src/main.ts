/**
 * Counts page views: a thousand visits, five pages, a handful of rows written. REDIS_URL and DATABASE_URL say where.
 */
import { defineEntity, MikroORM, p, type InferEntity } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind } from '@spillway/core';
import { Display } from './display.js';

const Page = defineEntity({
  name: 'Page',
  properties: { path: p.text().primary(), views: p.integer().default(0), lastVisit: p.datetime().nullable() },
});
WriteBehind<InferEntity<typeof Page>>({ debounce: '100ms', counters: ['views'] })(Page.class);

const { REDIS_URL = 'redis://localhost:6379', DATABASE_URL = 'postgres://localhost:5432/pages' } = process.env;
const orm = await MikroORM.init({
  entities: [Page],
  clientUrl: DATABASE_URL,
  extensions: [spillway({ redis: REDIS_URL, namespace: 'pages', tables: { ensure: true } })],
});
await orm.schema.update();
const paths = ['/', '/about', '/prices', '/docs', '/blog'];
const empty = paths.map((path) => ({ path }));
await orm.em.fork().upsertMany(Page, empty);

const display = new Display(process.stdout, paths, 200);
Spillway.of(orm).on('written', ({ records }) => display.written(records));
const visits = Array.from({ length: 1_000 }, async (_, visit) => {
  const em = orm.em.fork();
  const path = paths[visit % paths.length] ?? '/';
  const page = await em.findOneOrFail(Page, path); // what is pending is laid over the row
  page.views += 1; // staged as a difference: no visit is lost, none counted twice
  page.lastVisit = new Date();
  await em.flush(); // in Redis
  display.viewed(path);
});
await Promise.all(visits);

const written = await orm.em.fork().findAll(Page, { orderBy: { path: 'asc' } }); // writes what is pending first
display.end();
const { staged, coalesced } = await Spillway.of(orm).status();
console.log(`${staged} changes staged, ${coalesced} of them coalesced`);
for (const { path, views } of written) console.log(`${path}: ${views} views`);
await orm.close();
