import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Controller, Injectable, Logger, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Spillway, spillway, type SpillwayEventOf } from '@spillway/core';
import { OnSpillway, SpillwayModule } from '@spillway/nestjs';
import { database, eventually, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, expect, test, vi } from 'vitest';
import { createTables, Product, shopConfig } from './shop.js';

const db = await database();
await createTables(db.url);
afterAll(() => db.drop());

const UNKNOWN = '5b0d0b3e-0000-4000-8000-000000000000';

@Injectable()
class Bookkeeper {
  readonly heard: string[] = [];

  @OnSpillway('dead-letter')
  note({ entity, code }: SpillwayEventOf<'dead-letter'>): void {
    this.heard.push(`${entity} ${code}`);
  }

  @OnSpillway('staged')
  @OnSpillway('drained')
  count(event: { readonly type: string }): void {
    this.heard.push(event.type);
  }
}

@Controller()
class Clumsy {
  @OnSpillway('staged')
  async fail(): Promise<void> {
    await Promise.reject(new Error('no paper'));
  }

  @OnSpillway('drained')
  failStrangely(): void {
    // It has no text.
    throw Object.create(null);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  static heard = 0;

  @OnSpillway('staged')
  hear(): void {
    PerRequest.heard += 1;
  }
}

test('methods of providers and controllers hear the events that they name, and one that fails is logged and stops nothing', async () => {
  const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
  const app = await Test.createTestingModule({
    imports: [
      MikroOrmModule.forRoot(
        shopConfig(db.url, [
          spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true } }),
        ]),
      ),
      SpillwayModule.forRoot(),
    ],
    controllers: [Clumsy],
    providers: [Bookkeeper, PerRequest],
  }).compile();
  await app.init();
  const service = app.get(Spillway);
  const bookkeeper = app.get(Bookkeeper);

  await service.increment(Product, UNKNOWN, { views: 1 });
  await service.drain();
  await eventually(() => expect(bookkeeper.heard).toContain('Product ROW_MISSING'));
  expect(bookkeeper.heard).toEqual(expect.arrayContaining(['staged', 'drained']));
  expect(PerRequest.heard).toBe(0);
  expect(error.mock.calls.map(([message]) => String(message))).toContain(
    "Clumsy.fail(), which listens to 'staged', has failed: no paper",
  );
  expect(error.mock.calls.map(([message]) => String(message))).toContain(
    "Clumsy.failStrangely(), which listens to 'drained', has failed: it has thrown what is no error",
  );

  await app.close();
  error.mockRestore();
});
