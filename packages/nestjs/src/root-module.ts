import type { MikroORM } from '@mikro-orm/core';
import { Global, Logger, Module, type DynamicModule, type ModuleMetadata, type Provider } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { spillway, Spillway, SpillwayError, type SpillwayExtension, type SpillwayOptions } from '@spillway/core';
import { subscribeHandlers } from './event-handlers.js';
import { featurePolicies } from './feature.js';
import { SpillwayHealthIndicator } from './health-indicator.js';
import { SpillwayLifecycle, type LifecycleParts } from './lifecycle.js';
import type { SpillwayModuleSettings } from './module-options.js';
import { SPILLWAY_OPTIONS } from './options-provider.js';
import { Readiness } from './readiness.js';
import { shutdownTimes } from './shutdown-times.js';
import { startMode } from './start-mode.js';
import { getSpillwayExtensionToken, getSpillwayHealthToken, getSpillwayToken, ormToken } from './tokens.js';

/** Stands among the providers of a root module, so that a second one of the same context is noticed. */
class RootMark {
  readonly contextName: string | undefined;

  constructor(contextName: string | undefined) {
    this.contextName = contextName;
  }
}

/** The module that holds Spillway, once per context. Global, as MikroORM's own is. */
@Global()
@Module({})
export class SpillwayRootModule {
  /** @param options provides `SPILLWAY_OPTIONS`; if empty, the configuration of MikroORM has the extension already */
  static of(
    { contextName, start, shutdown }: SpillwayModuleSettings,
    options: readonly Provider[],
    imports: NonNullable<ModuleMetadata['imports']> = [],
  ): DynamicModule {
    const life = { times: shutdownTimes(shutdown), mode: startMode(start) };
    const extension = options.length > 0 ? [...options, extensionProvider(contextName)] : [];
    return {
      module: SpillwayRootModule,
      imports: [DiscoveryModule, ...imports],
      providers: [
        ...extension,
        { provide: RootMark, useValue: new RootMark(contextName) },
        { provide: Readiness, useClass: Readiness },
        serviceProvider(contextName, extension.length > 0),
        lifecycleProvider(contextName, life),
        {
          provide: getSpillwayHealthToken(contextName),
          inject: [getSpillwayToken(contextName), Readiness],
          useFactory: (service: Spillway, readiness: Readiness) => new SpillwayHealthIndicator(service, readiness),
        },
      ],
      exports: [
        getSpillwayToken(contextName),
        getSpillwayHealthToken(contextName),
        ...(extension.length > 0 ? [getSpillwayExtensionToken(contextName)] : []),
      ],
    };
  }
}

function extensionProvider(contextName: string | undefined): Provider {
  return {
    provide: getSpillwayExtensionToken(contextName),
    inject: [SPILLWAY_OPTIONS, ModulesContainer],
    useFactory: (options: SpillwayOptions, modules: ModulesContainer): SpillwayExtension =>
      spillway({
        logger: nestLogger(),
        ...options,
        policies: [...(options.policies ?? []), ...featurePolicies(modules, contextName)],
      }),
  };
}

function serviceProvider(contextName: string | undefined, makesExtension: boolean): Provider {
  return {
    provide: getSpillwayToken(contextName),
    inject: [ormToken(contextName), ModulesContainer],
    useFactory: (orm: MikroORM, modules: ModulesContainer) => {
      refuseSecondRoot(modules, contextName);
      if (!makesExtension && featurePolicies(modules, contextName).length > 0)
        throw featuresWithoutExtension(contextName);
      const service = serviceOf(orm, contextName, makesExtension);
      // MikroORM's logger would show Spillway's errors in Nest's log as lines of MikroORM.
      service.logTo(nestLogger());
      return service;
    },
  };
}

function lifecycleProvider(contextName: string | undefined, life: Pick<LifecycleParts, 'times' | 'mode'>): Provider {
  return {
    provide: SpillwayLifecycle,
    inject: [getSpillwayToken(contextName), Readiness, DiscoveryService, MetadataScanner],
    useFactory: (service: Spillway, readiness: Readiness, discovery: DiscoveryService, scanner: MetadataScanner) =>
      new SpillwayLifecycle({
        spillway: service,
        readiness,
        ...life,
        subscribe: () => subscribeHandlers(service, contextName, discovery, scanner),
      }),
  };
}

/** Nest's own log, under the name `Spillway`. */
function nestLogger(): { warn(message: string): void; error(message: string): void } {
  const logger = new Logger('Spillway');
  return { warn: (message) => logger.warn(message), error: (message) => logger.error(message) };
}

function serviceOf(orm: MikroORM, contextName: string | undefined, makesExtension: boolean): Spillway {
  try {
    return Spillway.of(orm);
  } catch (cause) {
    const context = contextName === undefined ? 'MikroORM' : `the context "${contextName}" of MikroORM`;
    const remedy = makesExtension
      ? 'Inject getSpillwayExtensionToken() into the factory of MikroOrmModule.forRootAsync(), and put it into extensions there'
      : 'Put spillway({ redis: … }) into extensions there, or give the options to SpillwayModule.forRoot()';
    throw new SpillwayError('CONFIG_INVALID', `The configuration of ${context} has no Spillway. ${remedy}`, { cause });
  }
}

function refuseSecondRoot(modules: ModulesContainer, contextName: string | undefined): void {
  const roots = new Set<RootMark>();
  for (const module of modules.values()) {
    const mark: unknown = module.providers.get(RootMark)?.instance;
    if (mark instanceof RootMark && mark.contextName === contextName) roots.add(mark);
  }
  if (roots.size < 2) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `SpillwayModule.forRoot() is imported ${roots.size} times for ${contextName === undefined ? 'one context' : `the context "${contextName}"`}. ` +
      'It is global: import it once, in the root module',
  );
}

function featuresWithoutExtension(contextName: string | undefined): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `SpillwayModule.forFeature() has policies${contextName === undefined ? '' : ` for the context "${contextName}"`}, but the extension was made in the configuration of MikroORM, which does not know them. ` +
      'Give the options of spillway() to SpillwayModule.forRoot() or forRootAsync(), and take the extension from getSpillwayExtensionToken()',
  );
}
