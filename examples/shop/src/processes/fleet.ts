import { Child, type Role } from './child.js';
import { addFigures, noFigures, type Figures } from './figures.js';
import type { Settings } from './settings.js';

/** All processes of the shop, and what those that are gone have done. */
export class Fleet implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #onCrash: (error: Error) => void;
  readonly #running = new Set<Child>();
  readonly #started = new Map<Role, number>();
  #figuresOfEnded: Figures = noFigures;

  constructor(settings: Settings, onCrash: (error: Error) => void) {
    this.#settings = settings;
    this.#onCrash = onCrash;
  }

  start(role: Role): Child {
    const number = (this.#started.get(role) ?? 0) + 1;
    this.#started.set(role, number);
    const child = new Child(role, `${role}-${number}`, this.#settings, this.#onCrash);
    this.#running.add(child);
    return child;
  }

  /** Kills the oldest process of a role with `kill -9` and starts another one. */
  async replace(role: Role): Promise<{ readonly victim: Child; readonly successor: Child }> {
    const victim = this.#of(role)[0];
    if (victim === undefined) throw new Error(`There is no ${role} to kill.`);
    await victim.kill();
    this.#forget(victim);
    return { victim, successor: this.start(role) };
  }

  async stop(role: Role): Promise<void> {
    const children = this.#of(role);
    await Promise.all(children.map((child) => child.stop()));
    for (const child of children) this.#forget(child);
  }

  figures(): Figures {
    return [...this.#running].map((child) => child.figures).reduce(addFigures, this.#figuresOfEnded);
  }

  #of(role: Role): Child[] {
    return [...this.#running].filter((child) => child.role === role);
  }

  #forget(child: Child): void {
    this.#running.delete(child);
    this.#figuresOfEnded = addFigures(this.#figuresOfEnded, child.figures);
  }

  /** After a failure nobody waits for anything any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.kill()));
  }
}
