import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError, textOf } from '../errors.js';
import { pauses } from './pauses.js';
import { CutOff, isPassing } from './staging-errors.js';
import type { GroupAnswer, StageGroup, StageSide, UnitAnswer } from './stage-side.js';

/** How the sending of a group, or of a hold, has ended. */
export type CallEnd =
  /** `wasLost`: an earlier copy got no answer, and may run yet. */
  | { readonly status: 'judged'; readonly units: readonly UnitAnswer[]; readonly wasLost?: true }
  /** Nothing was sent, or the server has said that it took nothing. */
  | { readonly status: 'not-run'; readonly error: Error }
  /** It was sent, has not run and never will. `error`: why it was called back. */
  | { readonly status: 'voided'; readonly error?: Error }
  /** It may have run, or may yet run. `cause`: why this process will not know. */
  | { readonly status: 'unknown'; readonly cause?: Error };

/** When a group was first sent, by the process's own clock. Shared: the caller may have another sender later. */
const sentAtMs = new WeakMap<StageGroup, number>();

/**
 * Sends what has left again, byte by byte, until it is answered or its time is up; then it is fenced (R11). A group
 * that has left never changes.
 */
export class CallSender {
  readonly #store: Pick<StageSide, 'fence' | 'remembersCallsMs'>;
  readonly #timeoutMs: number;
  #isClosed = false;

  /** @param timeoutMs how long a fence that is not answered is sent again, milliseconds */
  constructor(store: Pick<StageSide, 'fence' | 'remembersCallsMs'>, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The store is being closed: calls that fail from now on are not tried again. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * @param run sends a copy of it
   * @param endMs until when it is sent again, as `performance.now()` tells it
   * @param onFirst called when the first copy was answered, or has failed
   */
  async send(
    group: StageGroup,
    run: () => Promise<GroupAnswer>,
    endMs: number,
    onFirst?: () => void,
  ): Promise<CallEnd> {
    sentAtMs.set(group, performance.now());
    const first = await attempt(run);
    onFirst?.();
    if (first.status !== 'failed') return first;
    return mayRunAfter(first.error)
      ? this.#sendAgain(group, run, endMs, first.error)
      : { status: 'not-run', error: first.error };
  }

  async #sendAgain(
    group: StageGroup,
    run: () => Promise<GroupAnswer>,
    endMs: number,
    failure: Error,
  ): Promise<CallEnd> {
    let error = failure;
    for (const pauseMs of pauses()) {
      if (isStop(error)) return { status: 'unknown', cause: cutOff(error) };
      if (this.#isClosed || performance.now() >= endMs || !isPassing(error)) break;
      await pause(pauseMs);
      // The process may have stood still. What the store has forgotten would run a second time.
      if (this.isForgotten(group)) break;
      const answer = await attempt(run);
      if (answer.status === 'judged') return { ...answer, wasLost: true };
      if (answer.status === 'voided') return answer;
      error = answer.error;
    }
    const end = await this.fence(group);
    return end.status === 'voided' ? { ...end, error } : end;
  }

  /**
   * Makes sure that a group which has not run never will. `unknown`: the store does not answer either; or the group is
   * older than the store remembers, so `voided` would prove nothing.
   */
  async fence(group: StageGroup): Promise<CallEnd> {
    const endMs = performance.now() + this.#timeoutMs;
    for (const pauseMs of pauses()) {
      const answer = await attempt(async () => this.#store.fence(group));
      if (answer.status === 'voided' && this.isForgotten(group)) return { status: 'unknown' };
      if (answer.status !== 'failed') return answer;
      const { error } = answer;
      if (isStop(error)) return { status: 'unknown', cause: cutOff(error) };
      if (this.#isClosed || performance.now() >= endMs || !isPassing(error)) return { status: 'unknown' };
      await pause(pauseMs);
    }
    return { status: 'unknown' };
  }

  /** True if a group was sent so long ago that the store may have forgotten that it ran. */
  isForgotten(group: StageGroup): boolean {
    return performance.now() - (sentAtMs.get(group) ?? Number.NEGATIVE_INFINITY) >= this.#store.remembersCallsMs;
  }
}

type Attempt = GroupAnswer | { readonly status: 'failed'; readonly error: Error };

async function attempt(send: () => Promise<GroupAnswer>): Promise<Attempt> {
  try {
    return await send();
  } catch (error) {
    return { status: 'failed', error: error instanceof Error ? error : new Error(textOf(error)) };
  }
}

/** True if the call may have run in spite of the error. An unforeseen error proves nothing. */
function mayRunAfter(error: Error): boolean {
  return !(error instanceof SpillwayError) || error.code === 'STAGING_TIMEOUT' || error instanceof CutOff;
}

/** True if Spillway itself was stopped: the store will not be asked again. */
function isStop(error: Error): error is SpillwayError {
  return error instanceof SpillwayError && error.code === 'STOPPED';
}

/** An earlier copy of the call may have run, even if the last one was not sent. */
function cutOff(error: SpillwayError): CutOff {
  return error instanceof CutOff ? error : new CutOff('the staging store', error);
}
