import { Module, type DynamicModule } from '@nestjs/common';
import type { PolicyEntries, PolicyTarget } from '@spillway/core';
import { SpillwayFeature } from './feature.js';
import { asyncOptionsProviders, optionsProvider } from './options-provider.js';
import {
  settingsOf,
  splitOptions,
  type SpillwayModuleAsyncOptions,
  type SpillwayModuleOptions,
} from './module-options.js';
import { SpillwayRootModule } from './root-module.js';

/**
 * Spillway in a Nest application: injection of `Spillway`, handlers by `@OnSpillway`, `SpillwayHealthIndicator`, and
 * start and end with the application. It is global, once per context of MikroORM.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     MikroOrmModule.forRoot(defineConfig({ …, extensions: [spillway({ redis: 'redis://localhost:6379' })] })),
 *     SpillwayModule.forRoot(),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class SpillwayModule {
  /** @throws SpillwayError `CONFIG_INVALID` that names the option */
  static forRoot<const Targets extends readonly PolicyTarget[]>(
    options: SpillwayModuleOptions<Targets> = {},
  ): DynamicModule {
    const { settings, spillway } = splitOptions(options);
    return SpillwayRootModule.of(settings, spillway ? [optionsProvider(spillway)] : []);
  }

  /**
   * The same with options that a factory makes of injected dependencies, such as a Redis client. The configuration of
   * MikroORM then takes the extension by injection too.
   *
   * @example
   * ```ts
   * SpillwayModule.forRootAsync({ inject: [REDIS], useFactory: (redis: Redis) => ({ redis }) }),
   * MikroOrmModule.forRootAsync({
   *   driver: PostgreSqlDriver,
   *   inject: [getSpillwayExtensionToken()],
   *   useFactory: (extension: SpillwayExtension) => defineConfig({ …, extensions: [extension] }),
   * }),
   * ```
   * @throws SpillwayError `CONFIG_INVALID` unless exactly one of `useFactory`, `useClass` and `useExisting` is given
   */
  static forRootAsync(options: SpillwayModuleAsyncOptions): DynamicModule {
    const { contextName, start, shutdown, imports = [] } = options;
    const settings = settingsOf({ contextName, start, shutdown });
    return SpillwayRootModule.of(settings, asyncOptionsProviders(options), imports);
  }

  /**
   * Policies of entities that carry none, beside the module that uses them. It needs a `forRoot()` or `forRootAsync()`
   * that makes the extension.
   *
   * @example
   * ```ts
   * SpillwayModule.forFeature([[Cart, { debounce: '50ms' }]]);
   * ```
   */
  static forFeature<const Targets extends readonly PolicyTarget[]>(
    policies: PolicyEntries<Targets>,
    contextName?: string,
  ): DynamicModule {
    const feature = new SpillwayFeature(policies, contextName);
    return { module: SpillwayModule, providers: [{ provide: Symbol('SpillwayFeature'), useValue: feature }] };
  }
}
