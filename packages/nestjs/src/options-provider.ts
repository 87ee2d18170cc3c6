import type { FactoryProvider, Provider } from '@nestjs/common';
import { SpillwayError, type SpillwayOptions } from '@spillway/core';
import type { SpillwayModuleAsyncOptions, SpillwayOptionsFactory } from './module-options.js';

/** The token of the extension's options; known only inside the root module. */
export const SPILLWAY_OPTIONS: unique symbol = Symbol('SpillwayOptions');

export function optionsProvider(options: SpillwayOptions): Provider {
  return { provide: SPILLWAY_OPTIONS, useValue: options };
}

/** @throws SpillwayError `CONFIG_INVALID` */
export function asyncOptionsProviders(options: SpillwayModuleAsyncOptions): Provider[] {
  const { contextName, inject = [], useFactory, useClass, useExisting } = options;
  const given = [useFactory, useClass, useExisting].filter((each) => each !== undefined);
  if (given.length !== 1) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `SpillwayModule.forRootAsync() was given ${given.length === 0 ? 'none' : 'several'} of useFactory, useClass and useExisting. Give one of them`,
    );
  }
  if (useFactory) return [{ provide: SPILLWAY_OPTIONS, inject: [...inject], useFactory }];
  const byFactory: FactoryProvider<SpillwayOptions> = {
    provide: SPILLWAY_OPTIONS,
    inject: [useClass ?? useExisting ?? SPILLWAY_OPTIONS],
    useFactory: (factory: SpillwayOptionsFactory) => factory.createSpillwayOptions(contextName),
  };
  return useClass ? [byFactory, { provide: useClass, useClass }] : [byFactory];
}
