import { Child } from './child.js';
import type { Crew, Replacement, Role } from './crew.js';
import type { ShopKind } from '../shop/kind.js';
import { addFigures, noFigures, type Figures } from './figures.js';
import type { Settings } from './settings.js';

/** Plain MikroORM writes in the request, so there is no work for a worker. */
const rolesOf: Readonly<Record<ShopKind, readonly Role[]>> = {
  behind: ['worker', 'worker', 'application', 'application'],
  plain: ['application', 'application'],
};

/** A process for each member of the crew, and what those that are gone have done. */
export class Fleet implements Crew {
  readonly #settings: Settings;
  readonly #onCrash: (error: Error) => void;
  readonly #running = new Set<Child>();
  readonly #started = new Map<Role, number>();
  #figuresOfEnded: Figures = noFigures;

  constructor(settings: Settings, onCrash: (error: Error) => void) {
    this.#settings = settings;
    this.#onCrash = onCrash;
  }

  async start(): Promise<string> {
    const children = rolesOf[this.#settings.kind].map((role) => this.#start(role));
    await Promise.all(children.map((child) => child.ready()));
    return children.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
  }

  #start(role: Role): Child {
    const number = (this.#started.get(role) ?? 0) + 1;
    this.#started.set(role, number);
    const child = new Child(role, `${role}-${number}`, this.#settings, this.#onCrash);
    this.#running.add(child);
    return child;
  }

  async replace(role: Role): Promise<Replacement> {
    const victim = this.#of(role)[0];
    if (victim === undefined) throw new Error(`There is no ${role} to kill.`);
    await victim.kill();
    this.#forget(victim);
    return { victim, successor: this.#start(role) };
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
