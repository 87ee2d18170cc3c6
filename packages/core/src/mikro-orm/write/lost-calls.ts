import type { Change } from '../../change/change.js';
import { SpillwayError } from '../../errors.js';
import type { LostUnit, StageResult } from '../../staging/stage-result.js';

/** The engine, as far as lost calls need it. */
export interface CallSettling {
  settle(calls: readonly LostUnit[]): Promise<StageResult>;
  stage(changes: readonly Change[]): Promise<StageResult>;
}

/**
 * A call past the unit of work (`increment()`, `patch()`, `em.insert()` and the like) was not answered, so it is
 * unknown whether its changes are staged. Calling it again might apply them twice; `retry()` never does.
 */
export class StagingTimeoutError extends SpillwayError {
  override readonly name = 'StagingTimeoutError';
  readonly #engine: CallSettling;
  readonly #refused: (changes: readonly Change[], result: StageResult) => Error;
  /** Calls that may or may not have run. */
  #unknown: readonly LostUnit[];
  /** Changes that are certainly not staged. */
  #missing: readonly Change[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    message: string,
    calls: readonly LostUnit[],
    engine: CallSettling,
    refused: (changes: readonly Change[], result: StageResult) => Error,
  ) {
    super('STAGING_TIMEOUT', message);
    this.#unknown = calls;
    this.#engine = engine;
    this.#refused = refused;
  }

  /**
   * Finds out whether the changes are staged, and makes sure that this call can no longer stage the missing ones.
   * @returns true if all of them are staged
   * @throws this error again while the staging store does not answer
   */
  async settle(): Promise<boolean> {
    return this.#inTurn(async () => this.#settle());
  }

  /** Finds out, and stages the missing changes. None is staged twice, however often this is called. */
  async retry(): Promise<void> {
    await this.#inTurn(async () => {
      if (await this.#settle()) return;
      const missing = this.#missing;
      const result = await this.#engine.stage(missing);
      this.#missing = missing.filter(({ rowKey }) => !result.staged.has(rowKey));
      if (this.#missing.length > 0) this.#giveUp(missing, result);
    });
  }

  async #settle(): Promise<boolean> {
    if (this.#unknown.length > 0) {
      const asked = this.#unknown;
      const { staged, unknown } = await this.#engine.settle(asked);
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
