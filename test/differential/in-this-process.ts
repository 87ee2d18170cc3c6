import { Actor, type Observation } from './actor.js';
import type { Keys } from './keys.js';
import type { OpenedOrm } from './open-orm.js';
import type { SecondProcess } from './second-process-link.js';
import type { World } from './second-process.js';
import type { Act, Nudge } from './steps.js';

/** What a lane asks of the second process. */
export type Second = Pick<SecondProcess, 'run' | 'discard' | 'reset' | 'end'>;

/** Entity managers of the same ORMs, where a database has but one process: what another process would do they do. */
export class InThisProcess implements Second {
  readonly #actors: Readonly<Record<World, Actor>>;

  constructor(plain: OpenedOrm, behind: OpenedOrm) {
    this.#actors = { plain: new Actor(plain, true), behind: new Actor(behind, false) };
  }

  async run(world: World, number: number, act: Act | Nudge, keys: Keys): Promise<Observation> {
    return this.#actors[world].run(number, act, keys);
  }

  async discard(number: number): Promise<void> {
    for (const actor of Object.values(this.#actors)) actor.discard(number);
  }

  async reset(): Promise<void> {
    for (const actor of Object.values(this.#actors)) actor.reset();
  }

  async end(): Promise<void> {}
}
