/** Which steps may end differently in the two worlds, by what the plain one has answered. */
import type { Observation } from './actor.js';
import type { Act, Nudge } from './steps.js';

/**
 * A constraint that the plain world finds at once is found when the batch is written by the other one. In a transaction both find it at once.
 */
export function isLeftOut({ error }: Observation, act: Act | Nudge): boolean {
  // MikroORM 7.2 names a version twice where one flush updates rows in a batch and one of them begins to refer to itself.
  if (error?.name === 'SyntaxErrorException') return true;
  return error?.kind === 'unlicensed' || (error?.kind === 'constraint' && !isAtOnce(act));
}

/** A flush may be refused for two reasons: for what the staging store or the database knows, and for what an entity says of itself. Which of them is met first differs. */
export function areBothRefused({ error }: Observation, { error: other }: Observation): boolean {
  if (error?.name === 'OptimisticLockError' && other?.name === 'ValidationError') return true;
  // PostgreSQL refuses a value that is none. `patch()` does it itself, and a stale version may be met before.
  return (
    error?.name === 'DriverException' && (other?.name === 'SpillwayError' || other?.name === 'OptimisticLockError')
  );
}

/** Whether a transaction updates rows past the unit of work. */
export function updatesBySql(act: Act | Nudge): boolean {
  return act.do === 'transaction' && JSON.stringify(act.acts).includes('"nativeUpdate"');
}

/** Whether the other world, too, asks the database before the step has ended. */
export function isAtOnce(act: Act | Nudge): boolean {
  return act.do === 'transaction' && !act.holds;
}
