import type { SpillwayEvent } from '@spillway/core';
import type { Attributes } from './attributes.js';
import type { CounterName } from './counters.js';

/** What is counted of an event. */
export interface Counted {
  readonly counter: CounterName;
  readonly attributes: Attributes;
}

/** @returns `undefined` for an event that nothing counts */
export function counterOf(event: SpillwayEvent): Counted | undefined {
  switch (event.type) {
    case 'conflict':
      return counted('spillway.conflicts', { 'spillway.entity': event.entity, 'spillway.outcome': event.settled });
    case 'dead-letter':
      return counted('spillway.dead_letters.made', { 'spillway.entity': event.entity, 'spillway.code': event.code });
    case 'retry':
      return counted('spillway.retries', { 'spillway.reason': event.reason });
    case 'overflow':
      return counted('spillway.overflows', { 'spillway.reason': event.reason });
    case 'lagging':
      return counted('spillway.lags', { 'spillway.reason': event.reason });
    case 'paused':
      return counted('spillway.pauses', { 'spillway.reason': event.cause });
    case 'sink-down':
      return counted('spillway.outages', { 'db.system.name': 'postgresql' });
    case 'staging-down':
      return counted('spillway.outages', { 'db.system.name': 'redis' });
    case 'staging-loss':
      return counted('spillway.losses', { 'db.system.name': event.forgot === 'staging' ? 'redis' : 'postgresql' });
    default:
      return undefined;
  }
}

function counted(counter: CounterName, attributes: Attributes): Counted {
  return { counter, attributes };
}
