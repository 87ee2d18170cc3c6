import type { EntityManager, EntityName } from '@mikro-orm/core';
import { givenDurability, type Durability } from '../../policy/durability.js';
import { givenSignal, hasSession, signalOfManager } from '../contract/call-context.js';
import type { Increments, IncrementRow, IncrementOptions } from '../write/prepare-increment.js';
import type { PatchOptions } from '../write/build-patch.js';
import type { PendingRow } from './pending-row.js';
import type { IncrementReceipt, Receipt } from './receipt.js';

/** The caller of a row call. It decides where the call is written. */
export interface RowCaller {
  /** Writes the call by SQL. */
  readonly em: () => EntityManager;
  /**
   * True if nothing is staged for this caller: a rollback takes its calls back, or its session context decides about
   * them.
   */
  readonly needsSql: boolean;
  readonly hasSession: boolean;
  /** Once it is aborted, nothing more is staged for this caller. */
  readonly signal: AbortSignal | undefined;
  /** Where the changes of the call have to be. @defaultValue as the policy says */
  readonly durability?: Durability | undefined;
}

/** The caller of a call with options of its own. Its signal goes before that of the entity manager. */
export function withOptionsOf(
  caller: RowCaller,
  call: string,
  options: { readonly signal?: unknown; readonly durability?: unknown },
): RowCaller {
  const signal = givenSignal(call, options);
  const durability = givenDurability(call, options);
  return { ...caller, ...(signal && { signal }), ...(durability && { durability }) };
}

/**
 * A repository belongs to an entity manager: its calls are part of the entity manager's transaction, and under its
 * session context.
 */
export function repositoryCaller(em: EntityManager): RowCaller {
  const isUnderSession = hasSession(em);
  const needsSql = isUnderSession || em.getTransactionContext() !== undefined;
  return { em: () => em, needsSql, hasSession: isUnderSession, signal: signalOfManager(em) };
}

/**
 * The service belongs to the ORM: its calls are part of no transaction. The session context of the request, or of the
 * transaction that it is called in, also applies to them.
 */
export function serviceCaller(em: EntityManager): RowCaller {
  if (hasSession(em)) return repositoryCaller(em);
  return { em: () => em.fork(), needsSql: false, hasSession: false, signal: undefined };
}

/** The row calls of one caller. */
export interface CallersRows {
  patch(entity: EntityName, key: unknown, changes: object, options?: PatchOptions): Promise<Receipt>;
  increment(
    entity: EntityName,
    key: unknown,
    increments: Increments,
    options?: IncrementOptions,
  ): Promise<IncrementReceipt>;
  incrementMany(
    entity: EntityName,
    rows: readonly IncrementRow[],
    options?: IncrementOptions,
  ): Promise<IncrementReceipt>;
  pending(entity: EntityName, key: unknown): Promise<PendingRow | undefined>;
}
