/** Counts page views: a thousand visits, five pages, a handful of rows written. REDIS_URL and DATABASE_URL say where. */
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind } from '@spillway/core';

const PageSchema = defineEntity({
  name: 'Page',
  properties: { path: p.text().primary(), views: p.integer().default(0), lastVisit: p.datetime().nullable() },
});
class Page extends PageSchema.class {}
PageSchema.setClass(Page);
WriteBehind<Page>({ debounce: '100ms', counters: ['views'] })(Page);

const orm = await MikroORM.init({
  entities: [Page],
  clientUrl: process.env['DATABASE_URL'] ?? 'postgres://localhost:5432/pages',
  extensions: [
    spillway({
      redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
      namespace: 'pages',
      tables: { ensure: true },
    }),
  ],
});
await orm.schema.update();
const service = Spillway.of(orm);

const paths = ['/', '/about', '/prices', '/docs', '/blog'];
await orm.em.fork().upsertMany(
  Page,
  paths.map((path) => ({ path })),
);
const before = (await service.status()).staged;

await Promise.all(
  Array.from({ length: 1_000 }, async (_, visit) => {
    const em = orm.em.fork();
    const page = await em.findOneOrFail(Page, paths[visit % paths.length] ?? '/'); // what is pending is laid over the row
    page.views += 1; // staged as a difference: no visit is lost, none counted twice
    page.lastVisit = new Date();
    await em.flush(); // in Redis
  }),
);

const { staged, coalesced } = await service.status();
await service.drain(); // in PostgreSQL
const rows = await orm.em
  .getConnection()
  .execute<{ path: string; views: number }[]>('select path, views from page order by path');
console.log(`${staged - before} changes staged, ${coalesced} of them coalesced`);
for (const { path, views } of rows) console.log(`${path}: ${views} views`);
await orm.close();
