import { SpillwayError } from '../../../src/errors.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { StageAnswer, StageCall } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

/**
 * - `down`: the call does not arrive, and the caller knows it
 * - `request lost`: it does not arrive, and the caller does not know
 * - `answer lost`: it runs, and the caller does not know
 */
export type Fault = 'down' | 'request lost' | 'answer lost';

/** A real store behind a bad line: calls of a shard meet the faults that are set for it, the last one for ever. */
export class FaultyStore {
  readonly inner: StagingStore;
  readonly sent: string[] = [];
  readonly #faults = new Map<string, (Fault | undefined)[]>();

  constructor(shards: number) {
    this.inner = memoryStaging({ shards });
  }

  fail(method: 'check' | 'stage' | 'fence', shard: number, ...faults: (Fault | undefined)[]): void {
    this.#faults.set(`${method} ${shard}`, faults);
  }

  get store(): StagingStore {
    return new Proxy(this.inner, {
      get: (inner, name) => {
        if (name === 'check')
          return async (call: StageCall) => this.#through('check', call.shard, async () => inner.check(call));
        if (name === 'stage')
          return async (call: StageCall) => this.#through('stage', call.shard, async () => inner.stage(call));
        if (name === 'fence')
          return async (shard: number, id: string) => this.#through('fence', shard, async () => inner.fence(shard, id));
        return Reflect.get(inner, name, inner) as unknown;
      },
    });
  }

  async #through(method: string, shard: number, run: () => Promise<StageAnswer>): Promise<StageAnswer> {
    this.sent.push(`${method} ${shard}`);
    const faults = this.#faults.get(`${method} ${shard}`) ?? [];
    const fault = faults.length > 1 ? faults.shift() : faults[0];
    if (fault === 'down') throw new SpillwayError('STAGING_UNAVAILABLE', 'The line is dead');
    if (fault === 'request lost') throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    const answer = await run();
    if (fault === 'answer lost') throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    return answer;
  }
}
