import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Observation } from './actor.js';
import type { Keys } from './keys.js';
import type { LaneSettings } from './open-orm.js';
import type { Answer, Order, World } from './second-process.js';
import type { Act, Nudge } from './steps.js';

const program = fileURLToPath(new URL('second-process.ts', import.meta.url));
const hooks = new URL('../fault/programs/on-sources.ts', import.meta.url).href;

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The second process, as the first one speaks to it. */
export class SecondProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  #orders = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    child.on('exit', (code) => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error(`The second process has ended with ${code}.`));
    });
  }

  static async start(settings: LaneSettings): Promise<SecondProcess> {
    const child = fork(program, [JSON.stringify(settings)], { execArgv: ['--import', hooks] });
    const second = new SecondProcess(child);
    await new Promise<Answer>((resolve, reject) => second.#waiting.set(0, { resolve, reject }));
    return second;
  }

  async run(world: World, number: number, act: Act | Nudge, keys: Keys): Promise<Observation> {
    const { observation } = await this.#order({ do: 'run', world, fork: number, act, keys });
    if (!observation) throw new Error('The second process has not said what it has seen.');
    return observation;
  }

  async discard(number: number): Promise<void> {
    await this.#order({ do: 'discard', fork: number });
  }

  async reset(): Promise<void> {
    await this.#order({ do: 'reset' });
  }

  /** It ends by itself when nobody speaks to it any more. */
  async end(): Promise<void> {
    this.#child.disconnect();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  async #order(order: Unnumbered<Order>): Promise<Answer> {
    this.#orders += 1;
    const id = this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ ...order, id });
    });
  }
}
