/** Compiled, never run: the decorators and options of the module. */
import type { DynamicModule } from '@nestjs/common';
import { Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';
import type { Spillway, SpillwayEventOf } from '@spillway/core';
import { InjectSpillway, OnSpillway, SpillwayModule, type SpillwayOptionsFactory } from '../../src/index.js';

declare class Cart {
  id: string;
  clicks: number;
}
declare class Options implements SpillwayOptionsFactory {
  createSpillwayOptions(): { redis: string; namespace: string };
}

export class Listener {
  constructor(
    @InjectSpillway() readonly service: Spillway,
    @InjectSpillway('second') readonly second: Spillway,
  ) {}

  @OnSpillway('dead-letter')
  tell({ entity, reason }: SpillwayEventOf<'dead-letter'>): string {
    return `${entity}: ${reason}`;
  }

  @OnSpillway('written', 'second')
  @OnSpillway('staged')
  async count(): Promise<void> {}

  /** Whatever is in both events is enough. */
  @OnSpillway('staging-down')
  log(event: { readonly error: unknown }): void {
    void event;
  }
}

export class WrongListener {
  // @ts-expect-error -- there is no such event
  @OnSpillway('dead-letters')
  misspelt(): void {}

  // @ts-expect-error -- the event has no such property
  @OnSpillway('written')
  another({ reason }: { readonly reason: string }): void {
    void reason;
  }
}

const redis = 'redis://localhost:6379';

expectTypeOf(
  SpillwayModule.forRoot({ redis, namespace: 'a', shutdown: { grace: '20s' } }),
).toEqualTypeOf<DynamicModule>();
SpillwayModule.forRoot({ contextName: 'second' });
SpillwayModule.forRootAsync({ useClass: Options });
SpillwayModule.forRootAsync({ inject: [Redis], useFactory: (client: Redis) => ({ redis: client, namespace: 'a' }) });
SpillwayModule.forFeature([[Cart, { debounce: '2s', counters: ['clicks'] }]]);

// @ts-expect-error -- there is no such option
SpillwayModule.forRoot({ redis, namespace: 'a', shard: 3 });
// @ts-expect-error -- a duration has a unit
SpillwayModule.forRoot({ redis, namespace: 'a', shutdown: { grace: '20' } });
// @ts-expect-error -- a factory makes options
SpillwayModule.forRootAsync({ useFactory: () => 'redis://localhost' });
// @ts-expect-error -- a text is no counter
SpillwayModule.forFeature([[Cart, { counters: ['id'] }]]);
// @ts-expect-error -- a text is no counter
SpillwayModule.forRoot({ redis, namespace: 'a', policies: [[Cart, { counters: ['id'] }]] });
