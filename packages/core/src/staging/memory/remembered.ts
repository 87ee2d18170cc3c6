import type { StagingLimits } from '../limits.js';
import type { GroupAnswer } from '../stage-side.js';
import { Generations } from './generations.js';

type Limits = Pick<StagingLimits, 'seenMs' | 'seenCalls'>;

/** The answers of groups and holds, by their ids, in the lowest shard of each. They outlive the shard's chain (R13). */
export class Remembered {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #shards = new Map<number, Generations<string, GroupAnswer>>();

  constructor(limits: Limits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get(shard: number, id: string): GroupAnswer | undefined {
    return this.#shards.get(shard)?.get(id);
  }

  set(shard: number, id: string, answer: GroupAnswer): void {
    let answers = this.#shards.get(shard);
    if (answers === undefined) {
      answers = new Generations(this.#now());
      this.#shards.set(shard, answers);
    }
    answers.set(id, answer);
  }

  /** Begins a new generation of a shard, if it is time. */
  age(shard: number): void {
    const { seenMs, seenCalls } = this.#limits;
    this.#shards.get(shard)?.age(this.#now(), seenMs, seenCalls, seenMs / 10);
  }
}
