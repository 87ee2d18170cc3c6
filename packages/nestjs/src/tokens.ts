import { MikroORM } from '@mikro-orm/core';
import { getMikroORMToken } from '@mikro-orm/nestjs';
import { Inject, type InjectionToken } from '@nestjs/common';
import { Spillway } from '@spillway/core';
import { SpillwayHealthIndicator } from './health-indicator.js';

/**
 * The token of `Spillway`: the class itself, or a name of its own for each further context of MikroORM.
 * @param contextName as in MikroORM's own module; none for the only one
 */
export function getSpillwayToken(contextName?: string): InjectionToken {
  return contextName === undefined ? Spillway : `${contextName}_Spillway`;
}

/**
 * The token of the extension that `SpillwayModule` makes of its options; for `extensions` of
 * `MikroOrmModule.forRootAsync()`.
 * @param contextName as in MikroORM's own module; none for the only one
 */
export function getSpillwayExtensionToken(contextName?: string): InjectionToken {
  return contextName === undefined ? 'SpillwayExtension' : `${contextName}_SpillwayExtension`;
}

/**
 * The token of the health indicator: the class itself, or a name of its own for each further context of MikroORM.
 * @param contextName as in MikroORM's own module; none for the only one
 */
export function getSpillwayHealthToken(contextName?: string): InjectionToken {
  return contextName === undefined ? SpillwayHealthIndicator : `${contextName}_SpillwayHealthIndicator`;
}

/** Injects `Spillway`: `constructor(@InjectSpillway() private readonly spillway: Spillway) {}`. */
export function InjectSpillway(contextName?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getSpillwayToken(contextName));
}

/** @internal */
export function ormToken(contextName?: string): InjectionToken {
  return contextName === undefined ? MikroORM : getMikroORMToken(contextName);
}
