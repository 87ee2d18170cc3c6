import { SpillwayError } from '../errors.js';
import { describeValue } from '../policy/describe-value.js';

/**
 * - `'eager'`: waits until everything is open, and fails where it cannot be opened
 * - `'lazy'`: waits for nothing, and tries again until it can
 */
export type StartMode = 'eager' | 'lazy';

/** @throws SpillwayError `CONFIG_INVALID` */
export function assertStartMode(value: unknown): asserts value is StartMode {
  if (value === 'eager' || value === 'lazy') return;
  const given = describeValue(value, ['eager', 'lazy']);
  throw new SpillwayError('CONFIG_INVALID', `mode of start() is ${given}; it must be 'eager' or 'lazy'`);
}
