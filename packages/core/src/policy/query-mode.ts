import { SpillwayError } from '../errors.js';
import { describeValue } from './describe-value.js';
import { listOf } from './option-reader.js';

/**
 * How a query (any read except a look-up by key) treats pending changes; `WaitingOptions.queries` explains each mode.
 */
export const QUERY_MODES = ['drain', 'overlay', 'database'] as const;
export type QueryMode = (typeof QUERY_MODES)[number];

/**
 * The mode that one call asks for.
 * @throws SpillwayError `CONFIG_INVALID` that names the choices.
 */
export function readQueryMode(given: unknown): QueryMode | undefined {
  const mode = QUERY_MODES.find((each) => each === given);
  if (given === undefined || mode) return mode;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `The option spillway of a query is ${describeValue(given, QUERY_MODES)}; it must be ${listOf(QUERY_MODES)}`,
  );
}
