import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { Duration, PolicyTarget, SpillwayOptions, StartMode } from '@spillway/core';

/** The options of the module itself, not of the extension. */
export interface SpillwayModuleSettings {
  /**
   * The MikroORM context of this module, where there are several.
   * @defaultValue the one without a name
   */
  readonly contextName?: string;

  /**
   * `'eager'`: the application starts after Redis and PostgreSQL have been opened and checked, and fails to start where
   * that is impossible. `'lazy'`: it starts without them, and becomes ready by itself when both can be reached.
   * @defaultValue `'eager'`
   */
  readonly start?: StartMode;

  readonly shutdown?: SpillwayShutdownOptions;
}

export interface SpillwayShutdownOptions {
  /**
   * How long everything may take from the signal to the end of Spillway's part. Give it less than the time after which
   * the process is killed, which is 30 seconds in Kubernetes. 1 second to 1 hour.
   * @defaultValue `'25s'`
   */
  readonly grace?: Duration;

  /**
   * How long requests are still served after readiness goes off, so that load balancers notice it. A part of `grace`. 0
   * to 1 hour, and less than `grace`.
   * @defaultValue `0`
   */
  readonly readinessDelay?: Duration;
}

/**
 * With `redis` or `staging` in it, the module creates the extension, and the configuration of MikroORM takes it by
 * `getSpillwayExtensionToken()`. Without them, that configuration has `spillway()` among its extensions already.
 */
export type SpillwayModuleOptions<Targets extends readonly PolicyTarget[] = readonly PolicyTarget[]> =
  SpillwayModuleSettings & Partial<SpillwayOptions<Targets>>;

/** @internal */
export interface SplitOptions {
  readonly settings: SpillwayModuleSettings;
  /** Absent where MikroORM's configuration makes the extension. */
  readonly spillway?: SpillwayOptions;
}

/** @internal */
export function splitOptions({ contextName, start, shutdown, ...spillway }: SpillwayModuleOptions): SplitOptions {
  const settings = settingsOf({ contextName, start, shutdown });
  // All other options are for spillway(). It refuses unknown options by name, and a missing `redis` or `staging`.
  return Object.keys(spillway).length === 0 ? { settings } : { settings, spillway };
}

/** @internal Leaves out absent settings. */
export function settingsOf(given: {
  readonly [Name in keyof SpillwayModuleSettings]-?: SpillwayModuleSettings[Name] | undefined;
}): SpillwayModuleSettings {
  const { contextName, start, shutdown } = given;
  return {
    ...(contextName !== undefined && { contextName }),
    ...(start !== undefined && { start }),
    ...(shutdown && { shutdown }),
  };
}

/** Creates the options of `spillway()` from its injected dependencies. */
export interface SpillwayOptionsFactory {
  createSpillwayOptions(contextName?: string): SpillwayOptions | Promise<SpillwayOptions>;
}

/** One of `useFactory`, `useClass` and `useExisting`, as in Nest's own modules. */
export interface SpillwayModuleAsyncOptions extends SpillwayModuleSettings, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: readonly (InjectionToken | OptionalFactoryDependency)[];
  // The arguments of the factory depend on `inject`, which types cannot follow.
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Nest's own FactoryProvider
  readonly useFactory?: (...dependencies: any[]) => SpillwayOptions | Promise<SpillwayOptions>;
  readonly useClass?: Type<SpillwayOptionsFactory>;
  readonly useExisting?: InjectionToken<SpillwayOptionsFactory>;
}
