import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import type { Effect, JournalWriter } from '../support/journal.js';
import { below } from '../support/random.js';
import { Item, Page } from './site.js';

/** Items of one lane at a time: few, so that rows are in flight and dirty at once. */
const MOST_ITEMS = 8;

/** One unit of work after the other, over one page and a few items that no other lane touches. */
export class Lane {
  readonly #name: string;
  readonly #random: () => number;
  readonly #orm: MikroORM;
  readonly #journal: JournalWriter;
  readonly #versions = new Map<string, number>();
  #works = 0;

  constructor(name: string, random: () => number, orm: MikroORM, journal: JournalWriter) {
    this.#name = name;
    this.#random = random;
    this.#orm = orm;
    this.#journal = journal;
  }

  async next(): Promise<void> {
    this.#works += 1;
    if (this.#works === 1) return this.#open();
    switch (below(this.#random, 4)) {
      case 0:
        return this.#hit();
      case 1:
        return this.#visit();
      default:
        return this.#edit();
    }
  }

  /** The page begins without hits. */
  async #open(): Promise<void> {
    const em = this.#orm.em.fork();
    em.create(Page, { id: this.#name, hits: 0 });
    await this.#note([{ kind: 'hits', id: this.#name, by: 0 }], async () => em.flush());
  }

  async #hit(): Promise<void> {
    const by = 1 + below(this.#random, 5);
    await this.#note([{ kind: 'hits', id: this.#name, by }], async () =>
      Spillway.of(this.#orm).increment(Page, this.#name, { hits: by }),
    );
  }

  /** A page and a new item in one flush, mostly over two shards. */
  async #visit(): Promise<void> {
    const em = this.#orm.em.fork();
    const page = await em.findOneOrFail(Page, this.#name);
    page.hits += 1;
    const effects: Effect[] = [{ kind: 'hits', id: this.#name, by: 1 }];
    if (this.#versions.size < MOST_ITEMS) {
      const id = `${this.#name}.${this.#works}`;
      em.create(Item, { id, text: `made by ${this.#works}` });
      effects.push({ kind: 'item', id, text: `made by ${this.#works}`, version: 1 });
    }
    await this.#note(effects, async () => em.flush());
  }

  async #edit(): Promise<void> {
    const ids = [...this.#versions.keys()];
    const id = ids[below(this.#random, ids.length)];
    if (id === undefined) return this.#visit();
    const em = this.#orm.em.fork();
    const item = await em.findOneOrFail(Item, id);
    const version = (this.#versions.get(id) ?? 0) + 1;
    if (below(this.#random, 4) === 0) {
      em.remove(item);
      await this.#note([{ kind: 'item', id, text: undefined, version }], async () => em.flush());
    } else {
      item.text = `text of ${this.#works}`;
      await this.#note([{ kind: 'item', id, text: item.text, version }], async () => em.flush());
    }
  }

  async #note(effects: readonly Effect[], act: () => Promise<unknown>): Promise<void> {
    const work = `${this.#name}#${this.#works}`;
    this.#journal.write({ kind: 'begun', work, effects });
    try {
      await act();
    } catch (error) {
      this.#journal.write({ kind: 'failed', work, error: String(error) });
      throw error;
    }
    this.#journal.write({ kind: 'done', work });
    for (const effect of effects) {
      if (effect.kind !== 'item') continue;
      if (effect.text === undefined) this.#versions.delete(effect.id);
      else this.#versions.set(effect.id, effect.version);
    }
  }
}
