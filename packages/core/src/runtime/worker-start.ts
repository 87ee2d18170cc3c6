import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError, textOf } from '../errors.js';
import type { CallersContext } from '../mikro-orm/transactions/caller.js';
import type { Logger } from '../options.js';
import type { Parts } from './parts.js';
import { describeValue } from '../policy/describe-value.js';

/** The pause after a failed attempt to open. */
const TRY_EVERY_MS = 1_000;

interface WorkerStartDeps {
  readonly context: CallersContext;
  readonly logger: Logger;
  /** Opens everything, and starts the worker. */
  readonly open: () => Promise<unknown>;
}

/**
 * When the worker of a process starts: with the first call that stages, or as soon as everything can be opened. A
 * process without a worker only opens.
 */
export class WorkerStart {
  readonly #deps: WorkerStartDeps;
  #isStarted = false;
  /** True if the worker is to start as soon as any call has opened everything. */
  #isWanted = false;
  #trying: AbortController | undefined;

  constructor(deps: WorkerStartDeps) {
    this.#deps = deps;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Everything is open. */
  opened(parts: Parts): void {
    if (this.#isWanted) this.now(parts);
  }

  now({ worker }: Parts): void {
    if (this.#isStarted) return;
    this.#deps.context.outside(() => worker.start());
    this.#isStarted = true;
  }

  /** Tries until everything is open. Any other call that opens it meanwhile starts the worker too. */
  later(): void {
    this.#isWanted = true;
    if (this.#trying) return;
    const trying = new AbortController();
    this.#trying = trying;
    const tried = this.#deps.context.outside(async () => this.#try(trying.signal));
    const over = (): void => {
      if (this.#trying === trying) this.#trying = undefined;
    };
    tried.then(over, over);
  }

  /** Everything is closed: a worker that ran runs again after the next opening. */
  closed(): void {
    this.#isWanted ||= this.#isStarted;
    this.#isStarted = false;
  }

  /** Stops trying. */
  giveUp(): void {
    this.#trying?.abort();
    this.#trying = undefined;
  }

  /** Everything may be opened again: a worker that ran before is to run again. */
  resume(): void {
    if (this.#isWanted && !this.#isStarted) this.later();
  }

  /** Logs each reason once. Never rejects. */
  async #try(end: AbortSignal): Promise<void> {
    let said: string | undefined;
    while (!end.aborted) {
      try {
        await this.#deps.open();
        return;
      } catch (error) {
        if (end.aborted || isStopped(error)) return;
        const why = textOf(error);
        if (why !== said)
          this.#deps.logger.warn(`Spillway cannot be opened yet. It is tried again every second: ${why}`);
        said = why;
      }
      await pause(TRY_EVERY_MS, undefined, { signal: end }).catch(() => undefined);
    }
  }
}

function isStopped(error: unknown): boolean {
  return error instanceof SpillwayError && error.code === 'STOPPED';
}

/**
 * - `'eager'`: waits until everything is open, and fails where it cannot be opened
 * - `'lazy'`: waits for nothing, and tries again until it can
 */
export type StartMode = 'eager' | 'lazy';

/** @throws SpillwayError `CONFIG_INVALID` */
export function assertStartMode(value: unknown): asserts value is StartMode {
  if (value === 'eager' || value === 'lazy') return;
  const given = describeValue(value, ['eager', 'lazy']);
  throw new SpillwayError('CONFIG_INVALID', `mode of start() is ${given}; it must be 'eager' or 'lazy'`);
}
