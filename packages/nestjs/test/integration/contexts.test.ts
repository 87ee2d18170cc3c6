import { getEntityManagerToken, getMikroORMToken, MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver, type EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Spillway, SpillwayExtension } from '@spillway/core';
import { getSpillwayExtensionToken, getSpillwayToken, SpillwayModule } from '@spillway/nestjs';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, expect, test } from 'vitest';
import { createTables, Product, query, shopConfig } from './shop.js';

const [first, second] = await Promise.all([database(), database()]);
await Promise.all([createTables(first.url), createTables(second.url)]);
afterAll(async () => {
  await first.drop();
  await second.drop();
});

@Controller()
class Products {
  readonly seen: EntityManager[] = [];

  constructor(
    @Inject(getEntityManagerToken('first')) private readonly one: EntityManager,
    @Inject(getEntityManagerToken('second')) private readonly other: EntityManager,
  ) {}

  /** Stages one product in each context, and notes the entity managers of the request. */
  @Get('make')
  async make(): Promise<string[]> {
    const ems = [this.one, this.other];
    const products = ems.map((em) => em.create(Product, { name: `in ${em.config.get('dbName')}` }));
    for (const em of ems) await em.flush();
    this.seen.push(...ems.map((em) => em.getContext()));
    return products.map(({ id }) => id);
  }
}

/** As the README shows it. */
function contextOf(contextName: string, url: string): readonly (DynamicModule | Promise<DynamicModule>)[] {
  const options = { redis: sharedRedisUrl(), namespace: freshNamespace(), shards: 4, tables: { ensure: true } };
  return [
    SpillwayModule.forRoot({ contextName, ...options }),
    MikroOrmModule.forRootAsync({
      contextName,
      driver: PostgreSqlDriver,
      inject: [getSpillwayExtensionToken(contextName)],
      useFactory: (extension: SpillwayExtension) => ({
        ...shopConfig(url, [extension]),
        allowGlobalContext: false,
        registerRequestContext: false,
      }),
    }),
  ];
}

@Module({
  imports: [...contextOf('first', first.url), ...contextOf('second', second.url), MikroOrmModule.forMiddleware()],
  controllers: [Products],
})
class AppModule {}

test('two contexts have entity managers of their own for each request, by one middleware', async () => {
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  for (let request = 0; request < 2; request += 1) {
    const [one = '', other = ''] = (await (await fetch(`${url}/make`)).json()) as string[];
    for (const name of ['first', 'second']) await app.get<Spillway>(getSpillwayToken(name)).drain();
    const named = (id: string): string => `select name from product where id = '${id}'`;
    expect(await query(first.url, named(one))).toEqual([{ name: `in ${first.name}` }]);
    expect(await query(second.url, named(other))).toEqual([{ name: `in ${second.name}` }]);
  }
  const { seen } = app.get(Products);
  expect(new Set(seen).size).toBe(4);
  for (const name of ['first', 'second']) {
    const { em } = app.get<{ em: EntityManager }>(getMikroORMToken(name));
    expect(seen).not.toContain(em);
  }
  await app.close();
});
