import type { MikroORM } from '@mikro-orm/core';
import type { Journal } from '../journal/journal.js';
import { Shop } from '../shop/shop.js';
import type { Catalogue } from '../traffic/catalogue.js';
import { Traffic } from '../traffic/traffic.js';
import type { Crew, Replacement, Role } from './crew.js';
import { noFigures, type Figures } from './figures.js';
import { serveVisitors } from './serve-visitors.js';

/** Both roles in this process: its visitors are served here, and the worker of its ORM writes. */
export class CrewOfOne implements Crew {
  readonly #shop: Shop;
  readonly #traffic: Traffic;
  readonly #onCrash: (error: Error) => void;
  readonly #closing = new AbortController();
  #serving: Promise<void> = Promise.resolve();

  constructor(
    { orm, journal, catalogue, seed }: { orm: MikroORM; journal: Journal; catalogue: Catalogue; seed: string },
    onCrash: (error: Error) => void,
  ) {
    this.#shop = new Shop(orm, journal, catalogue, 'application-1');
    this.#traffic = new Traffic(`${seed} application-1`, catalogue);
    this.#onCrash = onCrash;
  }

  async start(): Promise<string> {
    this.#serving = serveVisitors(this.#shop, this.#traffic, this.#closing.signal).catch(this.#onCrash);
    return `the application and the worker in this process (pid ${process.pid})`;
  }

  /** The rows that are written here are counted by the main process, which this is. */
  figures(): Figures {
    return { ...noFigures, saves: this.#shop.saves, conflicts: this.#shop.conflicts };
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
