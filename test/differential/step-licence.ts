/** Which steps may end differently in the two worlds, by what the plain one has answered. */
import type { Observation } from './actor.js';
import type { Act, Nudge } from './steps.js';

/**
 * A constraint that the plain world finds at once is found when the batch is written by the other one. In a transaction
 * both find it at once.
 */
export function isLeftOut({ error }: Observation, act: Act | Nudge): boolean {
  // MikroORM 7.2 names a version twice where one flush updates rows in a batch and one of them begins to refer to
  // itself.
  if (error?.name === 'SyntaxErrorException') return true;
  // MikroORM 7.2 stumbles over a change set that is gone, where a row of the flush begins to refer to itself.
  if (error?.name === 'TypeError' && error.message.includes("reading 'entity'")) return true;
  return error?.kind === 'unlicensed' || (error?.kind === 'constraint' && !isAtOnce(act));
}

/**
 * A flush may be refused for two reasons: for what the staging store or the database knows, and for what an entity says
 * of itself. Which of them is met first differs.
 */
export function areBothRefused({ error }: Observation, { error: other }: Observation): boolean {
  if (error?.name === 'OptimisticLockError' && other?.name === 'ValidationError') return true;
  // Waiting for what is pending, which an aborted signal ends, comes before an entity is asked for its values.
  if (error?.name === 'ValidationError' && other?.message === 'This operation was aborted') return true;
  // PostgreSQL refuses a value that is none. `patch()` does it itself, and a stale version may be met before.
  return (
    error?.name === 'DriverException' && (other?.name === 'SpillwayError' || other?.name === 'OptimisticLockError')
  );
}

/** What a step does, in the entity manager that it has or in one with a signal. */
export function actsOf(act: Act | Nudge): readonly (Act | Nudge)[] {
  return act.do === 'signalled' ? act.acts : [act];
}

/** Whether a transaction updates rows past the unit of work. */
export function updatesBySql(act: Act | Nudge): boolean {
  return actsOf(act).some((each) => each.do === 'transaction' && JSON.stringify(each.acts).includes('"nativeUpdate"'));
}

/** Whether the other world, too, asks the database before the step has ended. */
export function isAtOnce(act: Act | Nudge): boolean {
  return actsOf(act).some((each) => each.do === 'transaction' && !each.holds);
}
