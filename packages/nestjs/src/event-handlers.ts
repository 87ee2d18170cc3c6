import { Logger } from '@nestjs/common';
import type { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { Spillway } from '@spillway/core';
import { listeningsOf } from './on-spillway.js';

interface Found {
  readonly instance: object;
  readonly method: string;
}

/**
 * Subscribes the methods that carry `@OnSpillway` of one context.
 * @returns a function that removes them again
 */
export function subscribeHandlers(
  spillway: Spillway,
  contextName: string | undefined,
  discovery: DiscoveryService,
  scanner: MetadataScanner,
): () => void {
  const logger = new Logger('Spillway');
  const offs: (() => void)[] = [];
  for (const { instance, method } of methodsIn(discovery, scanner)) {
    const handler: unknown = Reflect.get(instance, method);
    for (const listening of listeningsOf(handler)) {
      if (listening.contextName !== contextName) continue;
      const call = handler as (event: unknown) => unknown;
      const name = `${instance.constructor.name}.${method}()`;
      offs.push(
        spillway.on(listening.event, (event) => {
          const failed = `${name}, which listens to '${listening.event}', has failed`;
          return run(() => call.call(instance, event), failed, logger);
        }),
      );
    }
  }
  return () => offs.forEach((off) => off());
}

function* methodsIn(discovery: DiscoveryService, scanner: MetadataScanner): Generator<Found> {
  const seen = new Set<object>();
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
    if (instance === null || typeof instance !== 'object' || seen.has(instance)) continue;
    seen.add(instance);
    const prototype: unknown = Object.getPrototypeOf(instance);
    if (prototype === null || typeof prototype !== 'object' || prototype === Object.prototype) continue;
    for (const method of scanner.getAllMethodNames(prototype)) yield { instance, method };
  }
}

async function run(call: () => unknown, what: string, logger: Logger): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof Error) logger.error(`${what}: ${error.message}`, error.stack);
    else logger.error(`${what}: it has thrown what is no error`, error);
  }
}
