import { type EntityManager, ChangeSetType, isRaw, type AnyEntity, type ChangeSet } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { SqlReason } from '../../observability/status.js';
import { hasSession } from '../contract/call-context.js';
import type { CallersTransaction } from '../transactions/caller.js';
import { flushContent, type FlushContent, isDelete, rowsInvolved, typesChanged } from '../write/flush-content.js';
import type { StagedFlush } from '../write/staged-flush.js';
import { isInSchema, isExactKey, namesKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { untakenProperty } from '../change/build-change.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Engine, EngineLeaving } from '../engine.js';
import type { Validation } from '../validate/validation.js';
import type { SqlPreparation } from '../write/prepare-sql.js';
import type { QueryModes, SentStatements } from '../read/running-queries.js';
import type { ContractWatch } from './contract-watch.js';

/** The parts of Spillway that the flushes of an ORM's entity managers need. */
export interface FlushContext extends SqlPreparation {
  readonly engine: Pick<Engine, 'waits' | 'writes' | 'cache'>;
  readonly watch: ContractWatch;
  readonly leaving: EngineLeaving;
  readonly validation: Validation;
  /** The options and the statements of a query that is running, which a flush has nothing to do with. */
  readonly modes: QueryModes;
  readonly sent: SentStatements;
}

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

/**
 * How a flush is written. `plain`: it has nothing to do with Spillway. `staged`: everything in it can be staged. `sql`:
 * it writes plain entities too, or a change that only SQL can write, so all of it is one SQL transaction.
 */
type FlushMode = 'plain' | 'staged' | 'sql';

function flushMode(types: TypeRegistry, content: FlushContent): FlushMode {
  const { changeSets, collections } = content;
  if (
    changeSets.length > 0 &&
    collections.length === 0 &&
    changeSets.every((changeSet) => whyNotStaged(types, changeSet) === undefined)
  )
    return 'staged';
  const isTouched = changeSets.some(({ meta }) => types.of(meta)) || typesChanged(types, content).size > 0;
  return isTouched || rowsInvolved(types, content).size > 0 ? 'sql' : 'plain';
}

/** Why SQL wrote a flush that could not be staged as a whole; the first reason that is found stands for all. */
function whyBySql(types: TypeRegistry, { changeSets, collections }: FlushContent): SqlReason {
  if (collections.length > 0) return 'mixed';
  const reasons = changeSets.map((changeSet) => whyNotStaged(types, changeSet));
  return reasons.find((reason) => reason !== undefined) ?? 'mixed';
}

function whyNotStaged(types: TypeRegistry, changeSet: ChangeSet<AnyEntity>): SqlReason | undefined {
  const type = types.of(changeSet.meta);
  if (type?.policy.mode !== 'behind' || !isInSchema(type, changeSet.schema)) return 'mixed';
  if (Object.values(changeSet.payload).some(isRaw)) return 'raw';
  if (touchesCycle(type, changeSet)) return 'cycle';
  // PostgreSQL reads the value, or says at once what is wrong with it.
  if (!isDelete(changeSet) && untakenProperty(type, changeSet.payload)) return 'value';
  // The database then changes other rows, and a reader of those does not look at pending changes of this one.
  if (isDelete(changeSet) && types.isFollowed(changeSet.meta)) return 'followed';
  if (changeSet.type === ChangeSetType.CREATE && needsDatabase(type, changeSet.payload)) return 'made-by-database';
  const isUpdate = changeSet.type === ChangeSetType.UPDATE || changeSet.type === ChangeSetType.UPDATE_EARLY;
  // Another primary key is another record; only SQL renames a row.
  if (isUpdate && namesKey(type, changeSet.payload)) return 'key';
  // The row with the rounded key is another one. SQL finds none.
  if (changeSet.type !== ChangeSetType.CREATE && !isExactKey(type, changeSet.getPrimaryKey())) return 'key';
  // concurrencyCheck compares loaded values, and only the database knows whether two of them are equal.
  if (isUpdate && type.meta.concurrencyCheckKeys.size > 0) return 'concurrency-check';
  // A row that becomes one of another class is found by other queries than before.
  if (isUpdate && type.family && type.family.discriminator in changeSet.payload) return 'class';
  // A versioned row that was never loaded has no version to expect.
  const isKnown = !isUpdate || !type.version || Reflect.get(changeSet.entity, type.version.property.name) != null;
  return isKnown ? undefined : 'never-loaded';
}

/** True if the insert leaves a value to the database that Spillway cannot make in its place. */
function needsDatabase(type: WriteBehindType, payload: Readonly<Record<string, unknown>>): boolean {
  return type.databaseMade.some((name) => payload[name] === undefined);
}

/**
 * Rows that refer to each other across tables can be inserted only with one reference left out and set by a second
 * statement. A record has one statement, so a change that sets such a reference is not staged. Deletes of the rows that
 * it can point to are not staged either.
 */
function touchesCycle(
  { closing, closesCycle: isEnd }: WriteBehindType,
  { type, payload }: ChangeSet<AnyEntity>,
): boolean {
  if (isDelete({ type })) return isEnd;
  const values: Readonly<Record<string, unknown>> = payload;
  return [...closing].some((name) => values[name] !== undefined && values[name] !== null);
}
