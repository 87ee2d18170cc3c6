import { OptimisticLockError, type AnyEntity } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import { keyText } from '../../change/row-key.js';
import { SpillwayError, type SpillwayErrorCode } from '../../errors.js';
import type { Refusal, RefusalReason } from '../../staging/stage-side.js';
import type { StageResult } from '../../staging/stage-result.js';
import { StagingTimeoutError, StoppedCallError, type LostCallEngine, type LostCall } from './lost-calls.js';
import type { Operation } from '../change/staging-unit.js';

interface PartOfFlush {
  readonly staged: readonly AnyEntity[];
  readonly refused: readonly AnyEntity[];
  readonly unknown: readonly AnyEntity[];
}

/**
 * Some changes of a flush are staged and some are not: the flush spans servers, and one of them refused or did not
 * answer. Only `staged`, `refused` and `unknown` tell which. A version does not: a difference of a counter leaves it as
 * it is, staged or not, so a caller who compares versions and counts again counts twice.
 */
export class StagingPartialError extends SpillwayError {
  override readonly name = 'StagingPartialError';
  /** Private, so that printing the error does not print the entities. */
  readonly #entities: PartOfFlush;
  readonly #retry: () => Promise<void>;

  constructor(message: string, entities: PartOfFlush, retry: () => Promise<void>, cause?: unknown) {
    super('STAGING_PARTIAL', message, { cause });
    this.#entities = entities;
    this.#retry = retry;
  }

  /** Staged for good. */
  get staged(): readonly AnyEntity[] {
    return this.#entities.staged;
  }

  /** Not staged; still changed in the entity manager. */
  get refused(): readonly AnyEntity[] {
    return this.#entities.refused;
  }

  /** Perhaps staged. The next `em.flush()` finds out before it does anything else. */
  get unknown(): readonly AnyEntity[] {
    return this.#entities.unknown;
  }

  /** Flushes again. The flush first finds out whether the unknown changes are staged, so that none is staged twice. */
  async retry(): Promise<void> {
    await this.#retry();
  }
}

/**
 * The error for a flush that was not staged, or only in part. If nothing was staged and the versions were stale, it is
 * MikroORM's own.
 */
export function refusalError(operations: readonly Operation[], result: StageResult, retry: () => Promise<void>): Error {
  const unknownKeys = new Set(result.unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
  const entitiesOf = (has: (operation: Operation) => boolean): AnyEntity[] => [
    ...new Set(operations.filter(has).map(({ entity }) => entity)),
  ];
  const staged = entitiesOf(({ change }) => result.staged.has(change.rowKey));
  const unknown = entitiesOf(({ change }) => unknownKeys.has(change.rowKey));
  const refused = entitiesOf(({ change }) => !result.staged.has(change.rowKey) && !unknownKeys.has(change.rowKey));
  const [refusal] = result.refused;
  const cause = refusal && singleRefusal(operations, refusal);
  if (staged.length === 0 && unknown.length === 0 && cause) return cause;
  if (staged.length === 0 && refused.length === 0) {
    return new SpillwayError(
      'STAGING_TIMEOUT',
      `The staging store did not answer: it is unknown whether ${names(unknown)} ${unknown.length === 1 ? 'is' : 'are'} staged. ` +
        'Call em.flush() again: it finds out first, and stages nothing twice. After em.clear() it is given up, and nobody will know',
    );
  }
  return new StagingPartialError(
    `The flush was staged in part: ${staged.length} staged (${names(staged)}), ${refused.length} refused (${names(refused)}), ${unknown.length} unknown ` +
      `(${names(unknown)}). What is not staged is still changed in the entity manager; call em.flush() again. ` +
      '"staged" of this error says which entities are staged; their versions do not, since counters leave a version as it is' +
      (result.short ? '. Some of those have not reached their durability' : ''),
    { staged, refused, unknown },
    retry,
    cause,
  );
}

/** The same for one change that belongs to no entity of a unit of work. */
function changeError(change: Change, result: StageResult, engine: LostCallEngine): Error {
  const refusal = result.refused.find(({ rowKey }) => rowKey === change.rowKey);
  if (!refusal)
    return new StagingTimeoutError(
      `The staging store did not answer: it is unknown whether ${describe(change)} is staged. ` +
        "Call the error's retry(), which finds out first and stages nothing twice; or settle(), which only finds out",
      { unknown: result.unknown, engine, refused: refusedBy(engine) },
    );
  if (refusal.reason === 'stale' || refusal.reason === 'deleted') return OptimisticLockError.lockFailed(change.entity);
  return refusedBecause(change, refusal);
}

function refusedBy(engine: LostCallEngine): LostCall['refused'] {
  return (changes, again) => changesError(changes, again, engine);
}

/** The error for the changes of a call that an end of Spillway has cut off. */
export function stoppedError(
  changes: readonly Change[],
  { staged, unknown }: StageResult,
  engine: LostCallEngine,
  cause: Error,
): StoppedCallError {
  const open = new Set(unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
  const missing = changes.filter(({ rowKey }) => !staged.has(rowKey) && !open.has(rowKey));
  return new StoppedCallError({ unknown, missing, engine, refused: refusedBy(engine) }, cause);
}

/** The error for the changes of one call that are not all staged. */
export function changesError(changes: readonly Change[], result: StageResult, engine: LostCallEngine): Error {
  const [first] = changes.filter(({ rowKey }) => !result.staged.has(rowKey));
  const refused = changes.find(({ rowKey }) => rowKey === result.refused[0]?.rowKey) ?? first;
  if (!refused) return new SpillwayError('STAGING_UNAVAILABLE', 'Nothing was staged: the call has no rows');
  const cause = changeError(refused, result, engine);
  if (result.staged.size === 0) return cause;
  const staged = changes.filter(({ rowKey }) => result.staged.has(rowKey)).map(describe);
  return new SpillwayError(
    'STAGING_PARTIAL',
    `The call was staged in part: ${staged.length} of ${changes.length} rows (${staged.slice(0, 5).join('; ')}${staged.length > 5 ? '; ...' : ''}). ` +
      'Call again for the others',
    { cause },
  );
}

const REASONS: Readonly<Record<Exclude<RefusalReason, 'stale' | 'deleted'>, readonly [SpillwayErrorCode, string]>> = {
  exists: [
    'ROW_EXISTS',
    'a row with this primary key is staged already. Use another key, or change the entity that has it',
  ],
  held: [
    'ROW_HELD',
    "a transaction that has not ended holds a change of this row. Try again when it has ended; if it is the caller's own, flush within it",
  ],
  full: [
    'STAGING_FULL',
    'its queue is full. PostgreSQL is not keeping up: look at status(), then flush again or raise maxPending, of which every shard takes an equal part',
  ],
  overflow: [
    'COUNTER_OVERFLOW',
    'the pending sum of a counter leaves the range of a 64 bit integer. Wait until it is written',
  ],
  'too-large': [
    'RECORD_TOO_LARGE',
    'its pending changes are larger than maxRecordBytes. Store large values elsewhere, or raise the limit',
  ],
  step: ['ROW_HELD', 'an earlier change of a value that only one row may have is not written yet. Try again'],
  policy: [
    'POLICY_MISMATCH',
    'changes of this entity are pending that were staged under another policy (counters, detect, conflict, version or table), and could not be written in time. ' +
      'Let a worker of the release that staged them write them, until status() shows none; then flush again',
  ],
  left: [
    'POLICY_MISMATCH',
    'this entity was left: processes with enabled: false, with @WriteThrough or without a policy for it write it by SQL, and no longer look at what is staged. ' +
      'Restart this process with their release; to stage the entity again, end those processes and call Spillway.of(orm).rejoin()',
  ],
};

function singleRefusal(operations: readonly Operation[], refusal: Refusal): Error | undefined {
  const operation = operations.find(({ change }) => change.rowKey === refusal.rowKey);
  if (!operation) return undefined;
  if (refusal.reason === 'stale' || refusal.reason === 'deleted')
    return OptimisticLockError.lockFailed(operation.entity);
  return refusedBecause(operation.change, refusal);
}

function refusedBecause(change: Change, { reason, limit }: Refusal): SpillwayError {
  const [code, text] = REASONS[reason as keyof typeof REASONS];
  const share = limit === undefined ? '' : ` (${limit} rows in the shard of this one)`;
  return new SpillwayError(code, `${describe(change)} was not staged: ${text}${share}`);
}

function describe(change: Change): string {
  return `${change.entity} ${keyText(change.rowKey)}`;
}

function names(entities: readonly AnyEntity[]): string {
  const shown = entities.slice(0, 5).map((entity) => entity.constructor.name);
  return shown.join(', ') + (entities.length > shown.length ? ', ...' : '') || 'none';
}
