import { keyText, type RowKey } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';
import type { StageResult } from './stage-result.js';

export function counterOverflow(rowKey: RowKey): SpillwayError {
  return new SpillwayError(
    'COUNTER_OVERFLOW',
    `The differences of row ${rowKey} add up to more than a 64-bit number holds, so the dead letter stays where it is. Wait until the row's pending changes are written, then retry`,
  );
}

export function letterUnreadable({ shard, id }: { readonly shard: number; readonly id: string }): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `Dead letter ${id} of shard ${shard} cannot be read, so it is not known which row it is of, and it stays where it is. Something else than Spillway has written it; discard it`,
  );
}

export function letterOfLeft(entity: string, rowKey: RowKey): SpillwayError {
  return new SpillwayError(
    'POLICY_MISMATCH',
    `The dead letter of a change of ${entity} ${keyText(rowKey)} was not put back: the entity was left, so nobody would look at it or write it. ` +
      'Call Spillway.of(orm).rejoin() in a process that stages the entity, once no other one runs, and retry; or write the change by SQL and discard the letter',
  );
}

/**
 * No change was staged, and none will be, but a call was sent and had to be fenced. The caller must not fall back to
 * SQL on this error: the changes could be applied twice, or out of order (C6).
 */
export class SentInVain extends SpillwayError {
  constructor({ message, code }: SpillwayError, cause: Error | undefined) {
    super(code, message.replace(` [${code}]`, ''), { cause });
  }
}

/** Spillway was stopped while a command was on its way. This process cannot know if it ran until it is opened again. */
export class CutOff extends SpillwayError {
  /** The known results of a call that was to stage changes. Private, so that they are not printed. */
  readonly #result: StageResult | undefined;

  constructor(store: string, cause?: Error, result?: StageResult) {
    super(
      'STOPPED',
      `Spillway was stopped before ${store} had answered: what it was asked may have happened. ` +
        'What is staged stays staged, and will be written; load the rows and look before you make the changes again',
      { cause },
    );
    this.#result = result;
  }

  get result(): StageResult | undefined {
    return this.#result;
  }
}

/** Changes that a transaction would hold have not reached their tier: it must not commit them. */
export function heldShort(said: string): SpillwayError {
  return new SpillwayError(
    'DURABILITY_NOT_REACHED',
    `What a transaction was to hold has not reached its durability (${said}), so it is dropped, and nothing is staged. ` +
      'Roll back, and try again when the replicas, or the disk, of Redis keep up',
  );
}

/**
 * The error to throw if no change was staged, and none will be. A time-out leaves nothing in doubt then, so it becomes
 * `STAGING_UNAVAILABLE`.
 *
 * @param during as messages call it: `Spillway was opened`
 */
export function nothingStaged(error: unknown, during: string): unknown {
  if (!(error instanceof SpillwayError) || error.code !== 'STAGING_TIMEOUT') return error;
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `The staging store has not answered while ${during}; nothing was staged. Try again when it is back`,
    { cause: error },
  );
}

/** True if the same call may be answered a little later: the store could not be reached, or has not answered. */
export function isPassing(error: unknown): boolean {
  return error instanceof SpillwayError && (error.code === 'STAGING_TIMEOUT' || error.code === 'STAGING_UNAVAILABLE');
}
