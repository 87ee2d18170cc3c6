import { EntitySchema, type EntityName } from '@mikro-orm/core';
import { type Duration, type DurationLimits, parseDuration } from '../../policy/duration.js';
import { OptionReader } from '../../policy/option-reader.js';

/** How a drain waits, and how long. */
export interface DrainCallOptions {
  /**
   * How long all of it may take. 1 millisecond to 24 hours.
   * @defaultValue `'30s'`
   */
  readonly timeout?: Duration;

  /**
   * - `'tried'`: each record is tried once. It may have to wait, for a row that others have locked or for its parent;
   *   `left` says in how many shards something has
   * - `'written'`: until each record that was staged before is in the database, or is a dead letter. `left` is 0 then
   * @defaultValue `'tried'`
   */
  readonly until?: 'tried' | 'written';

  /** Aborted: nobody waits any more, and the call rejects with the signal's reason. What runs goes on. */
  readonly signal?: AbortSignal;
}

/** The options with everything decided. */
export interface DrainCall {
  readonly timeoutMs: number;
  readonly until: 'tried' | 'written';
  readonly signal: AbortSignal | undefined;
}

const PLACE = 'the options of drain()';
const TIMEOUTS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/** @throws SpillwayError `CONFIG_INVALID` */
export function readDrainCall(options: DrainCallOptions = {}): DrainCall {
  const read = new OptionReader(PLACE, options, ['timeout', 'until', 'signal']);
  const signal = read.value('signal');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw read.invalid('signal', 'must be an AbortSignal');
  return {
    timeoutMs: parseDuration('timeout of drain()', options.timeout ?? '30s', TIMEOUTS),
    until: read.oneOf('until', ['tried', 'written']) ?? 'tried',
    signal,
  };
}

/** Whether the first argument of a drain names an entity; else it is its options. */
export function isEntityName(given: EntityName | DrainCallOptions): given is EntityName {
  return typeof given === 'function' || given instanceof EntitySchema || 'meta' in given;
}
