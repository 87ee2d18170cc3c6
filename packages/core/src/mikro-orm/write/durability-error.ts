import { unlessAborted } from '../contract/call-context.js';
import { SpillwayError } from '../../errors.js';
import type { ShortUnit } from '../../staging/stage-result.js';
import type { EngineWrites } from '../engine.js';
import type { SettleOptions } from './settle-options.js';

/**
 * All changes are staged and will be written, as after a call that resolves. But they have not reached their
 * `durability` in time: a failover, or a loss of power, may still forget them.
 */
export class DurabilityNotReachedError extends SpillwayError {
  override readonly name = 'DurabilityNotReachedError';
  /** Private, so that printing the error does not print the changes. */
  #short: readonly ShortUnit[];
  readonly #engine: Pick<EngineWrites, 'waitAgain'>;

  constructor(short: readonly ShortUnit[], engine: Pick<EngineWrites, 'waitAgain'>) {
    const said = [...new Set(short.map((unit) => unit.said))].join('; ');
    super(
      'DURABILITY_NOT_REACHED',
      `The changes are staged and will be written, but have not reached their durability: ${said}. ` +
        'Do not make them again. See whether the replicas, or the disk, of Redis keep up; ' +
        "the error's retry() waits once more, and stages nothing",
    );
    this.#short = short;
    this.#engine = engine;
  }

  /**
   * Waits once more until the changes have reached their durability. Stages nothing, however often it is called. Redis
   * knows a call for a minute at least; after that it may not be able to tell.
   *
   * @throws this error again while they have not reached it; SpillwayError `STAGING_LOSS`: Redis has forgotten them
   */
  async retry({ signal }: SettleOptions = {}): Promise<void> {
    const { short, lost } = await unlessAborted(signal, async () => this.#engine.waitAgain(this.#short));
    if (lost.length > 0) throw forgotten(this);
    this.#short = short;
    if (short.length > 0) throw this;
  }
}

function forgotten(cause: Error): SpillwayError {
  return new SpillwayError(
    'STAGING_LOSS',
    'Redis has forgotten changes that had not reached their durability, after a failover or a restart. ' +
      'They may have been written before: load the rows and look before you make them again',
    { cause },
  );
}
