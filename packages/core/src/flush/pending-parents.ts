import type { SchedulerLike } from 'rxjs';
import type { RowKey } from '../change/row-key.js';
import type { LookSide } from '../staging/look-side.js';
import { askStaging } from './ask-staging.js';

/**
 * Which of these rows are still staged; those are made due, since a child waits for them. If the staging store does not
 * answer in time, all of them count as staged: a child must not be blamed for parents that cannot be seen, and the
 * database's transaction is open meanwhile.
 */
export async function pendingParents(
  keys: readonly RowKey[],
  looks: Pick<LookSide, 'peek' | 'due'>,
  timeoutMs: number,
  scheduler: SchedulerLike,
): Promise<ReadonlySet<RowKey>> {
  try {
    const pending = await askStaging(looks.peek(keys), timeoutMs, 'A look at pending parents', scheduler);
    const waiting = keys.filter(
      (key) => pending.get(key)?.dirty !== undefined || pending.get(key)?.inFlight !== undefined,
    );
    if (waiting.length > 0) {
      await askStaging(
        looks.due.make({ kind: 'rows', keys: waiting }),
        timeoutMs,
        'Making pending parents due',
        scheduler,
      );
    }
    return new Set(waiting);
  } catch {
    return new Set(keys);
  }
}
