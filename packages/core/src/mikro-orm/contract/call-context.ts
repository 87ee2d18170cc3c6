import type { EntityManager } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { SpillwayError } from '../../errors.js';
import { describeValue } from '../../policy/describe-value.js';

/**
 * The signal of a call: MikroORM hands it to its driver in the options, or the entity manager's if the call has none.
 */
export function signalOf(options: unknown): AbortSignal | undefined {
  const signal: unknown = typeof options === 'object' && options !== null ? Reflect.get(options, 'signal') : undefined;
  return signal instanceof AbortSignal ? signal : undefined;
}

/**
 * The signal in the options of a call that is Spillway's own.
 * @throws SpillwayError `CONFIG_INVALID` for anything else
 */
export function givenSignal(call: string, { signal }: { readonly signal?: unknown }): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `signal in the options of ${call} must be an AbortSignal, not ${describeValue(signal)}`,
  );
}

/** The signal of an entity manager, which is that of its flushes: `em.fork({ signal })`. */
export function signalOfManager(em: EntityManager): AbortSignal | undefined {
  // MikroORM means this method for its unit of work only.
  const { getAbortOptions } = em as unknown as { readonly getAbortOptions?: () => unknown };
  return signalOf(getAbortOptions?.call(em));
}

/**
 * Ends a wait when the signal is aborted, with the signal's reason. The act goes on by itself; nobody hears how it
 * ends.
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, wait: () => Promise<T>): Promise<T> {
  if (!signal) return wait();
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([wait(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Fails as MikroORM does when a signal ends a call: its driver makes an exception of the reason. */
export async function failingAsMikroOrm<T>(
  signal: AbortSignal | undefined,
  driver: AbstractSqlDriver | (() => AbstractSqlDriver),
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (signal?.aborted !== true || error !== signal.reason || error == null) throw error;
    throw (typeof driver === 'function' ? driver() : driver).convertException(error as Error);
  }
}

type Session = Partial<Pick<EntityManager, 'getSessionContext'>> | undefined;

/**
 * True if an entity manager reads and writes under variables or a role of its own (`em.setSessionContext()`), by which
 * row level security decides. Only PostgreSQL can decide so: nothing is staged for such an entity manager, or laid over
 * its reads. With `sessionContext: 'connection'` MikroORM gives every connection the session context of the request,
 * whichever entity manager asks for it. Versions of MikroORM before 7.2 have no session contexts.
 */
export function hasSession(em: unknown): boolean {
  const known = em as EntityManager | undefined;
  return isSession(known) || isSession(requestOf(known));
}

function isSession(em: Session): boolean {
  return em?.getSessionContext?.() !== undefined;
}

function requestOf(em: EntityManager | undefined): Session {
  if (em?.config?.get('sessionContext' as never) !== 'connection') return undefined;
  return em.config.get('context')(em.config.get('contextName'));
}
