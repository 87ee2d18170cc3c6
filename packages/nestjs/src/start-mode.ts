import { SpillwayError, type StartMode } from '@spillway/core';

/** @throws SpillwayError `CONFIG_INVALID` */
export function startMode(start: StartMode = 'eager'): StartMode {
  if (['eager', 'lazy'].includes(start)) return start;
  throw new SpillwayError('CONFIG_INVALID', "start in the options of SpillwayModule must be 'eager' or 'lazy'");
}
