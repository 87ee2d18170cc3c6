import type { RowKey } from '../../../src/change/row-key.js';
import { shardOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { StageGroup, StageUnit } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

/**
 * - `down`: the call does not arrive, and the caller knows it
 * - `request lost`: it does not arrive, and the caller does not know
 * - `answer lost`: it runs, and the caller does not know
 */
export type Fault = 'down' | 'request lost' | 'answer lost';

/** A real store behind bad lines: calls of a shard meet the faults that are set for it, the last one for ever. */
export class FaultyStore {
  readonly inner: StagingStore;
  /** The method, and the lowest shard, of every call. */
  readonly sent: string[] = [];
  /** The groups that were staged, as often as they were sent. */
  readonly groups: StageGroup[] = [];
  readonly #servers: number;
  readonly #faults = new Map<string, (Fault | undefined)[]>();

  /** @param servers the shards are spread over so many */
  constructor(shards: number, servers = shards) {
    this.inner = memoryStaging({ shards });
    this.#servers = servers;
  }

  fail(method: 'check' | 'stage' | 'fence', shard: number, ...faults: (Fault | undefined)[]): void {
    this.#faults.set(`${method} ${shard}`, faults);
  }

  get store(): StagingStore {
    const { inner } = this;
    const own: Partial<StagingStore> = {
      serverOf: (shard) => shard % this.#servers,
      check: async (unit, rules) => this.#through('check', [unit], async () => inner.check(unit, rules)),
      stage: async (group) => {
        this.groups.push(group);
        return this.#through('stage', group.units, async () => inner.stage(group));
      },
      fence: async (group) => this.#through('fence', group.units, async () => inner.fence(group)),
    };
    return new Proxy(inner, {
      get: (target, name) => (Reflect.get(own, name) ?? Reflect.get(target, name, target)) as unknown,
    });
  }

  shardOf(rowKey: RowKey): number {
    return shardOf(rowKey, this.inner.shards);
  }

  async #through<A>(method: string, units: readonly StageUnit[], run: () => Promise<A>): Promise<A> {
    const shards = units.flatMap(({ changes }) => changes.map(({ rowKey }) => this.shardOf(rowKey)));
    const call = `${method} ${shards.toSorted((left, right) => left - right)[0]}`;
    this.sent.push(call);
    const faults = this.#faults.get(call) ?? [];
    const fault = faults.length > 1 ? faults.shift() : faults[0];
    if (fault === 'down') throw new SpillwayError('STAGING_UNAVAILABLE', 'The line is dead');
    if (fault === 'request lost') throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    const answer = await run();
    if (fault === 'answer lost') throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    return answer;
  }
}
