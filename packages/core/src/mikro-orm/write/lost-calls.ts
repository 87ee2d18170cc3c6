import { unlessAborted } from '../contract/call-context.js';
import type { Change } from '../../change/change.js';
import { SpillwayError, type SpillwayErrorCode } from '../../errors.js';
import { CutOff } from '../../staging/staging-errors.js';
import type { EngineWrites } from '../engine.js';
import { DurabilityNotReachedError } from './durability-error.js';
import type { SettleOptions } from './settle-options.js';
import type { LostUnit, ShortUnit, StageResult } from '../../staging/stage-result.js';

/** The engine, as far as lost calls need it. */
export interface LostCallEngine {
  findOut(calls: readonly LostUnit[]): Promise<StageResult>;
  stage(changes: readonly Change[], signal?: AbortSignal): Promise<StageResult>;
  waitAgain: EngineWrites['waitAgain'];
}

/** What became of the changes of a call, and how the rest is refused. */
export interface LostCall {
  /** Calls that may or may not have run. */
  readonly unknown: readonly LostUnit[];
  /** Changes that are certainly not staged. @defaultValue none */
  readonly missing?: readonly Change[];
  readonly engine: LostCallEngine;
  readonly refused: (changes: readonly Change[], result: StageResult) => Error;
}

/**
 * A call past the unit of work (`increment()`, `patch()`, `em.insert()` and the like) whose answer was lost, so it is
 * unknown whether its changes are staged. Calling it again might apply them twice; `retry()` never does.
 */
abstract class LostCallError extends SpillwayError {
  readonly #engine: LostCallEngine;
  readonly #refused: LostCall['refused'];
  #unknown: readonly LostUnit[];
  #missing: readonly Change[];
  #short: readonly ShortUnit[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    code: SpillwayErrorCode,
    message: string,
    { unknown, missing = [], engine, refused }: LostCall,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.#unknown = unknown;
    this.#missing = missing;
    this.#engine = engine;
    this.#refused = refused;
  }

  /**
   * Finds out whether the changes are staged, and makes sure that this call can no longer stage the missing ones.
   * @returns true if all of them are staged
   * @throws this error again while the staging store does not answer; SpillwayError `STOPPED` while Spillway is stopped
   */
  async settle({ signal }: SettleOptions = {}): Promise<boolean> {
    return this.#inTurn(async () => this.#findOut(signal));
  }

  /**
   * Finds out, and stages the missing changes. None is staged twice, however often this is called.
   *
   * @throws DurabilityNotReachedError: all of them are staged
   */
  async retry({ signal }: SettleOptions = {}): Promise<void> {
    await this.#inTurn(async () => {
      if (!(await this.#findOut(signal))) {
        const missing = this.#missing;
        const result = await this.#stage(missing, signal);
        this.#note(result);
        this.#missing = missing.filter(({ rowKey }) => !result.staged.has(rowKey));
        if (this.#missing.length > 0) this.#giveUp(missing, result);
      }
      if (this.#short.length > 0) throw new DurabilityNotReachedError(this.#short, this.#engine);
    });
  }

  #note({ short = [] }: StageResult): void {
    this.#short = [...this.#short, ...short];
  }

  /** What an end has cut off may have run, too: it is asked for before it is sent again. */
  async #stage(changes: readonly Change[], signal?: AbortSignal): Promise<StageResult> {
    try {
      return await this.#engine.stage(changes, signal);
    } catch (error) {
      if (error instanceof CutOff && error.result) return error.result;
      throw error;
    }
  }

  async #findOut(signal?: AbortSignal): Promise<boolean> {
    if (this.#unknown.length > 0) {
      const asked = this.#unknown;
      const found = await unlessAborted(signal, async () => this.#engine.findOut(asked));
      const { staged, unknown } = found;
      this.#note(found);
      const isOpen = new Set(unknown);
      const answered = asked.filter((unit) => !isOpen.has(unit)).flatMap(({ changes }) => changes);
      this.#missing = [...this.#missing, ...answered.filter(({ rowKey }) => !staged.has(rowKey))];
      this.#unknown = unknown;
      if (unknown.length > 0) throw this;
    }
    return this.#missing.length === 0;
  }

  /** A change that was not answered this time is unknown again; a refusal is an error of its own. */
  #giveUp(changes: readonly Change[], result: StageResult): never {
    const lost = new Set(result.unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
    this.#missing = this.#missing.filter(({ rowKey }) => !lost.has(rowKey));
    this.#unknown = result.unknown;
    throw result.refused.length > 0 ? this.#refused(changes, result) : this;
  }

  /** One call after the other: two at once would both find the changes missing, and stage them twice. */
  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act, act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** The staging store did not answer in time. */
export class StagingTimeoutError extends LostCallError {
  override readonly name = 'StagingTimeoutError';

  constructor(message: string, call: LostCall) {
    super('STAGING_TIMEOUT', message, call);
  }
}

/** Spillway was stopped before the staging store had answered. `settle()` and `retry()` work after `orm.connect()`. */
export class StoppedCallError extends LostCallError {
  override readonly name = 'StoppedCallError';

  constructor(call: LostCall, cause: Error) {
    super(
      'STOPPED',
      'Spillway was stopped before the staging store had answered: what it was asked may have happened. ' +
        "What is staged stays staged, and will be written. After orm.connect(), call this error's retry(), " +
        'which finds out first and stages nothing twice; or settle(), which only finds out',
      call,
      { cause },
    );
  }
}
