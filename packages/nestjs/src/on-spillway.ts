import type { SpillwayEventName, SpillwayEventOf } from '@spillway/core';

/**
 * The key under which a method carries its events, in the global registry: two copies of this package in one
 * application agree.
 */
const LISTENS: unique symbol = Symbol.for('spillway.nestjs.listens');

/** @internal */
export interface Listening {
  readonly event: SpillwayEventName;
  readonly contextName: string | undefined;
}

interface Listener {
  [LISTENS]?: Listening[];
}

/**
 * Calls the method of a provider or controller at each such event of this process. Errors of the method, and rejections
 * of its promise, are logged and stop nothing. Providers that are created per request receive no events.
 *
 * @example
 * ```ts
 * @OnSpillway('dead-letter')
 * tellSomebody({ entity, rowKey, reason }: SpillwayEventOf<'dead-letter'>) { … }
 * ```
 */
export function OnSpillway<Name extends SpillwayEventName>(
  event: Name,
  contextName?: string,
): <Method extends (event: SpillwayEventOf<Name>) => unknown>(
  target: object,
  property: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void {
  return (_target, _property, descriptor) => {
    const method = descriptor.value as Listener | undefined;
    if (method) method[LISTENS] = [...(method[LISTENS] ?? []), { event, contextName }];
  };
}

/** @internal */
export function listeningsOf(method: unknown): readonly Listening[] {
  return (typeof method === 'function' && (method as Listener)[LISTENS]) || [];
}
