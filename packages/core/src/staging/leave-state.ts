import type { LeaveState } from './stage-side.js';

/** An entity has left only where it has left every shard. */
export function worst(states: readonly LeaveState[]): LeaveState {
  if (states.includes('pending')) return 'pending';
  return states.includes('staged') ? 'staged' : 'left';
}
