import { EntitySchema, type EntityName } from '@mikro-orm/core';
import { type Duration, type DurationLimits, parseDuration } from '../../policy/duration.js';
import { OptionReader } from '../../policy/option-reader.js';

/** How a drain waits, and how long. */
export interface DrainCallOptions {
  /**
   * How long the whole drain may take. 1 millisecond to 24 hours.
   * @defaultValue `'30s'`
   */
  readonly timeout?: Duration;

  /**
   * - `'tried'`: each record is tried once. A record may have to wait for a row that another transaction has locked, or
   *   for its parent; `left` is the number of shards with such records
   * - `'written'`: waits until each record that was staged before the call is in the database, or is a dead letter.
   *   `left` is 0 then
   * @defaultValue `'tried'`
   */
  readonly until?: 'tried' | 'written';

  /** When it is aborted, the call stops waiting and rejects with the signal's reason. Running writes go on. */
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

/** True if the first argument of a drain names an entity; otherwise it is the options. */
export function isEntityName(given: EntityName | DrainCallOptions): given is EntityName {
  return typeof given === 'function' || given instanceof EntitySchema || 'meta' in given;
}
