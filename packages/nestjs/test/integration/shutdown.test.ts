import { MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, Injectable, Logger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Spillway, spillway, type WorkerOptions } from '@spillway/core';
import { SpillwayHealthIndicator, SpillwayModule, type SpillwayShutdownOptions } from '@spillway/nestjs';
import { database, eventually, freshNamespace, postgres, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { createTables, Product, query, shopConfig } from './shop.js';

const db = await database();
await createTables(db.url);
afterAll(() => db.drop());
afterEach(() => vi.restoreAllMocks());

@Controller()
class Products {
  constructor(
    @Inject(MikroORM) private readonly orm: MikroORM,
    @Inject(SpillwayHealthIndicator) private readonly indicator: SpillwayHealthIndicator,
  ) {}

  @Get('ready')
  async ready() {
    return this.indicator.readiness();
  }

  @Get('make')
  async make(): Promise<string> {
    const em = this.orm.em.fork();
    const product = em.create(Product, { name: 'late' });
    await em.flush();
    return product.id;
  }
}

/** Asks its own application for things while it is ending, as requests do that were on their way. */
@Injectable()
class LateRequests {
  readonly answers: string[] = [];
  url = '';

  async ask(path: string): Promise<void> {
    this.answers.push(await (await fetch(`${this.url}/${path}`)).text());
  }
}

describe('an application that is asked to end', () => {
  test('is not ready from then on, still serves what comes, and writes it too', async () => {
    const { app, url } = await listen({});
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({ spillway: { status: 'up' } });
    const late = app.get(LateRequests);
    late.url = url;
    const service = app.get(Spillway);
    const drain = service.drain.bind(service);
    // In the middle of the shutdown, after readiness went off and before the server closes.
    vi.spyOn(service, 'drain').mockImplementation(async (...parameters) => {
      await late.ask('ready');
      const answer = await drain(...parameters);
      await late.ask('make');
      return answer;
    });

    await app.close();

    const [ready = '', id = ''] = late.answers;
    expect(JSON.parse(ready)).toEqual({
      spillway: { status: 'down', problems: ['The application is starting or ending'] },
    });
    expect(await query(db.url, `select name from product where id = '${id}'`)).toEqual([{ name: 'late' }]);
  });

  test('waits with the drain for its readiness delay', async () => {
    const { app } = await listen({ shutdown: { readinessDelay: '150ms' } });
    const began = performance.now();
    let drainedAfter = 0;
    vi.spyOn(app.get(Spillway), 'drain').mockImplementation(async () => {
      drainedAfter = performance.now() - began;
      return { left: 0 };
    });
    await app.close();
    // A timer may fire a millisecond early by this clock.
    expect(drainedAfter).toBeGreaterThanOrEqual(149);
  });

  test('ends within its grace though PostgreSQL is gone, and says what stays staged', async () => {
    await using server = await postgres();
    await using own = await database({ url: server.url });
    await createTables(own.url);
    const warnings = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { app, url } = await listen({ url: own.url, shutdown: { grace: '2s' } });
    await server.kill9();
    await (await fetch(`${url}/make`)).text();

    await app.close();
    await server.restart();

    const said = warnings.mock.calls.map(([message]) => String(message));
    // Which of the two it says depends on how far it has come.
    expect(said).toContainEqual(expect.stringMatching(/A drain (?:of everything staged )?did not end within 1600 ms/u));
    expect(said).toContain('1 shards still hold changes. They stay staged, and the next worker writes them');
  });

  test('ends within its grace though the backends of PostgreSQL are frozen', async () => {
    await using server = await postgres();
    await using own = await database({ url: server.url });
    await createTables(own.url);
    vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { app, url } = await listen({ url: own.url, shutdown: { grace: '1s' } });
    const id = await (await fetch(`${url}/make`)).text();
    await eventually(async () =>
      expect(await query(own.url, `select id from product where id = '${id}'`)).toHaveLength(1),
    );
    const backends = await query(own.url, `select pid from pg_stat_activity where application_name = 'spillway'`);
    for (const { pid } of backends) process.kill(Number(pid), 'SIGSTOP');
    try {
      await (await fetch(`${url}/make`)).text();
      const began = performance.now();
      await app.close();
      // A statement is given up after fifteen seconds.
      expect(performance.now() - began).toBeLessThan(8_000);
    } finally {
      for (const { pid } of backends) process.kill(Number(pid), 'SIGCONT');
    }
  });

  test('without a worker drains nothing: others write', async () => {
    const { app } = await listen({ worker: false });
    const service = app.get(Spillway);
    const drain = vi.spyOn(service, 'drain');
    await service.increment(Product, '7a0d0b3e-0000-4000-8000-000000000000', { views: 1 });
    await app.close();
    expect(drain).not.toHaveBeenCalled();
  });
});

interface Given {
  readonly url?: string;
  readonly worker?: boolean | WorkerOptions;
  readonly shutdown?: SpillwayShutdownOptions;
}

async function listen({
  url = db.url,
  worker = true,
  shutdown,
}: Given): Promise<{ readonly app: INestApplication; readonly url: string }> {
  const extension = spillway({
    redis: sharedRedisUrl(),
    namespace: freshNamespace(),
    worker,
    tables: { ensure: true },
  });
  const testing = await Test.createTestingModule({
    imports: [
      MikroOrmModule.forRoot(shopConfig(url, [extension])),
      SpillwayModule.forRoot(shutdown ? { shutdown } : {}),
    ],
    controllers: [Products],
    providers: [LateRequests],
  }).compile();
  const app = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}
