import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { Duration, PolicyTarget, SpillwayOptions, StartMode } from '@spillway/core';

/** What belongs to the module, not to the extension. */
export interface SpillwayModuleSettings {
  /**
   * The context of MikroORM that it is for, where there are several.
   * @defaultValue the one without a name
   */
  readonly contextName?: string;

  /**
   * `'eager'`: the application starts when Redis and PostgreSQL have been opened and checked, and fails to start where
   * they cannot be. `'lazy'`: it starts without them, is not ready until they can be reached, and becomes so by itself.
   * @defaultValue `'eager'`
   */
  readonly start?: StartMode;

  readonly shutdown?: SpillwayShutdownOptions;
}

export interface SpillwayShutdownOptions {
  /**
   * How long everything may take from the signal to the end of Spillway's part. Give it less than the time after which the process is killed, which is 30 seconds in Kubernetes. 1 second to 1 hour.
   * @defaultValue `'25s'`
   */
  readonly grace?: Duration;

  /**
   * How long requests are still served while readiness is off already, so that whoever sends them learns of it. A part of `grace`. 0 to 1 hour.
   * @defaultValue `0`
   */
  readonly readinessDelay?: Duration;
}

/**
 * With `redis` or `staging` in it, the module makes the extension, and the configuration of MikroORM takes it by `getSpillwayExtensionToken()`. Without them, that configuration has
 * `spillway()` among its extensions already.
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
  // Whatever is left is for spillway(), which refuses by name what it does not know, and a place where changes are staged that is missing.
  return Object.keys(spillway).length === 0 ? { settings } : { settings, spillway };
}

/** @internal Without those that are not given. */
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

/** Makes the options of `spillway()` from what it is injected. */
export interface SpillwayOptionsFactory {
  createSpillwayOptions(contextName?: string): SpillwayOptions | Promise<SpillwayOptions>;
}

/** One of `useFactory`, `useClass` and `useExisting`, as in Nest's own modules. */
export interface SpillwayModuleAsyncOptions extends SpillwayModuleSettings, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: readonly (InjectionToken | OptionalFactoryDependency)[];
  // What a factory is given depends on `inject`, which types cannot follow.
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Nest's own FactoryProvider
  readonly useFactory?: (...dependencies: any[]) => SpillwayOptions | Promise<SpillwayOptions>;
  readonly useClass?: Type<SpillwayOptionsFactory>;
  readonly useExisting?: InjectionToken<SpillwayOptionsFactory>;
}
