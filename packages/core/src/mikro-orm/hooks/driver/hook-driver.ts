import { Utils, helper, type AnyEntity, type Collection, type EntityMetadata } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { stagedCall } from '../../change/staging-unit.js';
import type { DriverMethod, DriverMethods, DriverOptions } from '../../contract/methods.js';
import { failingAsMikroOrm, signalOf, unlessAborted } from '../../contract/call-context.js';
import type { EngineLeaving } from '../../engine.js';
import type { ContractWatch } from '../../handshake/contract-watch.js';
import { answerStagedCalls, type StagedWrites } from '../../write/staged-writes.js';
import type { Reads } from '../../read/reads.js';
import { soughtRows } from '../../write/flush-content.js';
import type { CallersTransactions } from '../../transactions/caller.js';
import { ownDriver } from './own-driver.js';
import { isSought, readCalls, streamCall } from './read-calls.js';
import { writeCalls, type WriteHooks } from './write-calls.js';

/** Outside of transactions these calls can be abandoned at any moment, since they change nothing. */
const READS: ReadonlySet<string> = new Set<DriverMethod>(['find', 'findOne', 'count', 'loadFromPivotTable']);

type Method = (...parameters: never[]) => Promise<unknown>;

interface DriverHooks extends WriteHooks {
  readonly writes: StagedWrites;
  readonly reads: Reads;
  readonly watch: ContractWatch;
  readonly leaving: EngineLeaving;
  readonly transactions: CallersTransactions;
}

/**
 * Puts Spillway between MikroORM and its driver, in three layers. Calls of a staged flush are answered by
 * `StagedWrites`. Others are reads (`readCalls`) or writes past the unit of work (`writeCalls`). Calls about entities
 * that are not written behind reach the driver as they are.
 */
export function hookDriver(driver: AbstractSqlDriver, hooks: DriverHooks): void {
  const { writes, reads, watch, leaving } = hooks;
  const own = ownDriver(driver, watch);
  const metasOf = metasIn(driver);
  const calls = answerStagedCalls(writes, { ...readCalls(own, reads), ...writeCalls(own, hooks) });
  for (const [name, call] of Object.entries(calls)) {
    const hooked = guarded(name, call as Method, driver, hooks, metasOf);
    Object.assign(driver, { [name]: name === 'syncCollections' ? ofSome(own.methods[name], hooked as Sync) : hooked });
  }
  const stream = streamCall(own, reads, driver, (entity) => leaving.before(metasOf(entity)));
  Object.assign(driver, { stream });
}

type Sync = DriverMethods['syncCollections'];

/** Every flush asks for its collections to be written. One that has changed none needs no hook for that. */
function ofSome(own: Sync, hooked: Sync): Sync {
  return async (collections, ...rest) => {
    const changed = [...collections];
    return changed.length === 0 ? own(changed, ...rest) : hooked(changed, ...rest);
  };
}

/**
 * A call of the driver, in its transaction, that fails as MikroORM's own calls do. It first decides which entities this
 * process writes by SQL although other processes stage them.
 */
function guarded(
  name: string,
  call: Method,
  driver: AbstractSqlDriver,
  { leaving, transactions }: DriverHooks,
  metasOf: (subject: unknown) => readonly EntityMetadata[],
): Method {
  const isRead = READS.has(name);
  const isFind = name === 'find';
  return async (...parameters) => {
    // The `findOne()` that it is a part of has been here.
    if (isFind && isSought(parameters)) return call(...parameters);
    const signal = signalAmong(parameters);
    const ctx = ctxAmong(parameters);
    const isLeft = ctx === undefined && (isRead || parameters.some(stagedCall));
    const before = (): Promise<void> | undefined => leaving.before(metasOf(parameters[0]));
    const act = (): Promise<unknown> => call(...parameters);
    // Each flush and each look-up comes by here, nearly always without a signal.
    if (!signal) return transactions.run(ctx, () => after(before(), act));
    return failingAsMikroOrm(signal, driver, async () =>
      transactions.run(ctx, async () => {
        await unlessAborted(signal, async () => before());
        return isLeft ? unlessAborted(signal, act) : act();
      }),
    );
  };
}

async function after<T>(first: Promise<void> | undefined, act: () => Promise<T>): Promise<T> {
  if (first) await first;
  return act();
}

function signalAmong(parameters: readonly unknown[]): AbortSignal | undefined {
  for (const each of parameters) {
    const signal = signalOf(each);
    if (signal) return signal;
  }
  return undefined;
}

/** The entities that a call is about, by its first parameter. */
function metasIn(driver: AbstractSqlDriver): (subject: unknown) => readonly EntityMetadata[] {
  return (subject) => {
    // The flush has already checked the entities of collections, except for the rows that it looks up by them.
    if (subject instanceof Object && Symbol.iterator in subject)
      return soughtRows(subject as Iterable<Collection<object>>).map(({ meta }) => meta);
    if (Utils.isEntity<AnyEntity>(subject)) return [helper(subject).__meta];
    const through = (subject as { readonly targetMeta?: EntityMetadata }).targetMeta;
    return [through ?? driver.getMetadata().get(subject as never)];
  };
}

/**
 * Kysely's transaction, in the options of a call or among its parameters. A property `ctx` of rows or conditions is
 * none.
 */
function ctxAmong(parameters: readonly unknown[]): unknown {
  for (const each of parameters.slice(1)) {
    if (isTransaction(each)) return each;
    const ctx = (each as DriverOptions | undefined | null)?.['ctx'];
    if (isTransaction(ctx)) return ctx;
  }
  return undefined;
}

function isTransaction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'getExecutor' in value;
}
