import type { EntityManager } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { SqlReason } from '../../observability/status.js';
import { hasSession } from '../contract/has-session.js';
import type { CallersTransaction } from '../transactions/caller.js';
import { flushContent } from '../write/flush-content.js';
import { flushMode, whyBySql } from '../write/why-by-sql.js';
import type { StagedFlush } from '../write/staged-flush.js';
import type { FlushContext } from './flush-context.js';

/** How a flush is written that opens a transaction for itself. */
export type FlushPlan =
  /** By MikroORM: the flush has nothing to do with Spillway. */
  | { readonly kind: 'plain' }
  /** All of it is staged. */
  | { readonly kind: 'staged' }
  /** All of it is written by SQL, after the pending changes of its rows. */
  | { readonly kind: 'sql'; readonly reason: SqlReason };

/** How a flush is written in a transaction of the application. */
export type FlushPlanInside =
  /** By MikroORM, in the transaction. The persister's hook prepares the SQL of write-behind entities. */
  | { readonly kind: 'as-it-is' }
  /** All of it is held until the transaction ends. */
  | { readonly kind: 'held'; readonly caller: CallersTransaction }
  /** The transaction would hold it, but has a role or a search path of its own. */
  | { readonly kind: 'sql'; readonly reason: SqlReason };

export function planFlush(em: EntityManager, flush: StagedFlush, { types }: FlushContext): FlushPlan {
  const content = flushContent(em);
  const mode = flushMode(types, content);
  if (mode === 'plain') return { kind: 'plain' };
  if (mode === 'sql') return { kind: 'sql', reason: whyBySql(types, content) };
  if (flush.fallback) return { kind: 'sql', reason: 'fallback' };
  return hasSession(em) ? { kind: 'sql', reason: 'session' } : { kind: 'staged' };
}

export async function planFlushInside(
  em: EntityManager,
  flush: StagedFlush,
  context: FlushContext,
): Promise<FlushPlanInside> {
  const caller = context.transactions.of(em.getTransactionContext());
  if (!caller || flush.fallback || hasSession(em) || !holdsAll(em, caller, context)) return { kind: 'as-it-is' };
  return (await isAtHome(caller, context)) ? { kind: 'held', caller } : { kind: 'sql', reason: 'session' };
}

/** True if the transaction holds everything that the flush writes. */
function holdsAll(em: EntityManager, caller: CallersTransaction, { types }: FlushContext): boolean {
  const content = flushContent(em);
  const isHeld = content.changeSets.every(({ meta }) => {
    const type = types.of(meta);
    return type !== undefined && caller.holds(type.policy);
  });
  return isHeld && flushMode(types, content) === 'staged';
}

/** While staging cannot be opened, the answer is unknown. The attempt to hold the flush then reports why. */
async function isAtHome(caller: CallersTransaction, { engine }: FlushContext): Promise<boolean> {
  try {
    return await engine.writes.isAtHome(caller);
  } catch (error) {
    if (error instanceof SpillwayError) return true;
    throw error;
  }
}
