import { MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, type INestApplication } from '@nestjs/common';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { Spillway, spillway, type WorkerOptions } from '@spillway/core';
import { SpillwayHealthIndicator, SpillwayModule } from '@spillway/nestjs';
import { database, eventually, freshNamespace, redis, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createTables, Product, query, shopConfig } from './shop.js';

const db = await database();
await createTables(db.url);
afterAll(() => db.drop());

@Controller('health')
class Health {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(SpillwayHealthIndicator) private readonly indicator: SpillwayHealthIndicator,
  ) {}

  @Get('live')
  live() {
    return this.health.check([() => this.indicator.liveness('spillway')]);
  }

  @Get('ready')
  ready() {
    return this.health.check([() => this.indicator.readiness()]);
  }

  @Get('lag')
  lag() {
    return this.health.check([() => this.indicator.lag('spillway-lag', { maxPending: 2 })]);
  }
}

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('SpillwayHealthIndicator', () => {
  test('tells terminus that all is well', async () => {
    const ask = await listen({ redis: sharedRedisUrl() });
    expect(await ask('ready')).toEqual({
      code: 200,
      details: { spillway: { status: 'up', states: [], problems: [], pending: 0, dead: 0 } },
    });
    expect(await ask('live')).toEqual({ code: 200, details: { spillway: { status: 'up' } } });
    expect(await ask('lag')).toMatchObject({ code: 200, details: { 'spillway-lag': { status: 'up', pending: 0 } } });
  });

  test('is behind when more is pending than it is told to allow', async () => {
    const ask = await listen({ redis: sharedRedisUrl(), worker: false });
    const em = app?.get(Spillway);
    for (const digit of ['1', '2', '3'])
      await em?.increment(Product, `5b0d0b3e-0000-4000-8000-00000000000${digit}`, { views: 1 });
    expect(await ask('lag')).toMatchObject({ code: 503, details: { 'spillway-lag': { status: 'down', pending: 3 } } });
    expect((await ask('ready')).code).toBe(200);
  });

  test('is not ready while Redis is away, is alive all the same, and is ready again by itself', async () => {
    await using server = await redis();
    const ask = await listen({ redis: server.url });
    await server.kill9();
    await eventually(async () => expect((await ask('ready')).code).toBe(503));
    expect((await ask('live')).code).toBe(200);
    await server.restart();
    await eventually(async () => expect((await ask('ready')).code).toBe(200));
  });

  test('says of a table that cannot be written which one it is, and no value', async () => {
    await query(db.url, 'alter table product rename column name to label');
    const ask = await listen({ redis: sharedRedisUrl() });
    const em = app?.get(MikroORM).em.fork();
    em?.create(Product, { name: 'canary-value-5d1c' });
    await em?.flush();
    await eventually(async () => expect((await ask('ready')).code).toBe(503), { timeoutMs: 30_000 });
    const { details } = await ask('ready');
    expect(JSON.stringify(details)).toContain('Table product cannot be written, its changes wait: SQLSTATE 42703');
    expect(JSON.stringify(details)).not.toContain('canary');
    await query(db.url, 'alter table product rename column label to name');
  });

  test('a row that a trigger refuses, with whatever code and words, leaves it ready, and says nothing of it', async () => {
    await query(
      db.url,
      `create function tell() returns trigger language plpgsql as $$ begin
        raise exception using errcode = '42501', message = new.name, detail = new.name, table = new.name; end $$;
      create trigger tell before insert on product for each row execute function tell()`,
    );
    const ask = await listen({ redis: sharedRedisUrl() });
    const em = app?.get(MikroORM).em.fork();
    em?.create(Product, { name: 'canary-value-5d1c' });
    await em?.flush();
    await app?.get(Spillway).drain();
    const ready = await ask('ready');
    expect(ready.code).toBe(200);
    expect(JSON.stringify(ready)).not.toContain('canary');
    await query(db.url, 'drop trigger tell on product; drop function tell()');
  });

  test('is not ready while Redis is full, and says so in a word and a sentence', async () => {
    await using server = await redis();
    const ask = await listen({ redis: server.url });
    expect((await ask('ready')).code).toBe(200);
    const client = new Redis(server.url);
    await client.config('SET', 'maxmemory', '1');
    client.disconnect();
    expect(await ask('ready')).toMatchObject({
      code: 503,
      details: {
        spillway: {
          status: 'down',
          states: ['staging-full'],
          problems: [expect.stringContaining('Redis is out of memory')],
        },
      },
    });
  });

  test('is not ready before the application has started', async () => {
    const testing = await Test.createTestingModule({ imports: imports({ redis: sharedRedisUrl() }) }).compile();
    expect(await testing.get(SpillwayHealthIndicator).readiness()).toEqual({
      spillway: { status: 'down', problems: ['The application is starting or ending'] },
    });
    await testing.close();
  });
});

interface Given {
  readonly redis: string;
  readonly worker?: boolean | WorkerOptions;
}

function imports(given: Given) {
  const extension = spillway({ namespace: freshNamespace(), tables: { ensure: true }, ...given });
  return [MikroOrmModule.forRoot(shopConfig(db.url, [extension])), SpillwayModule.forRoot(), TerminusModule];
}

async function listen(given: Given) {
  const testing = await Test.createTestingModule({ imports: imports(given), controllers: [Health] }).compile();
  app = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return async (path: string): Promise<{ readonly code: number; readonly details: unknown }> => {
    const response = await fetch(`${url}/health/${path}`);
    const { details } = (await response.json()) as { readonly details: unknown };
    return { code: response.status, details };
  };
}
