import type { ShopKind } from '../shop/kind.js';
import { Shop, type ShopParts } from '../shop/shop.js';
import { Traffic } from '../traffic/traffic.js';
import type { Crew, Replacement, Role } from './crew.js';
import type { Figures } from './figures.js';
import { serveVisitors } from './serve-visitors.js';

/** More would only wait longer for the one connection that PGlite has. */
const visitors = 12;

interface OneShop {
  readonly kind: ShopKind;
  readonly seed: string;
  readonly parts: Omit<ShopParts, 'name'>;
}

/** All roles in this process: its visitors are served here, and the worker of its ORM writes, if it has one. */
export class CrewOfOne implements Crew {
  readonly #who: string;
  readonly #shop: Shop;
  readonly #traffic: Traffic;
  readonly #onCrash: (error: Error) => void;
  readonly #closing = new AbortController();
  #serving: Promise<void> = Promise.resolve();

  constructor({ kind, seed, parts }: OneShop, onCrash: (error: Error) => void) {
    const name = 'application-1';
    this.#who = kind === 'plain' ? 'the application' : 'the application and the worker';
    this.#shop = new Shop({ ...parts, name });
    this.#traffic = new Traffic(`${seed} ${name}`, parts.catalogue);
    this.#onCrash = onCrash;
  }

  async start(): Promise<string> {
    this.#serving = serveVisitors(visitors, this.#shop, this.#traffic, this.#closing.signal).catch(this.#onCrash);
    return `${this.#who} in this process (pid ${process.pid})`;
  }

  /** The rows that are written here are counted by the main process, which this is. */
  figures(): Figures {
    return this.#shop.figures();
  }

  async replace(role: Role): Promise<Replacement> {
    throw new Error(`The ${role} is this process itself, which cannot be replaced.`);
  }

  async stop(role: Role): Promise<void> {
    if (role === 'worker') return;
    this.#closing.abort();
    await this.#serving;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('application');
  }
}
