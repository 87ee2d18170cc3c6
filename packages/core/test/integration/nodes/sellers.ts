import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '../../../src/index.js';
import { Book } from './fixture.js';
import { IDS } from './moves.js';

export const ALL: readonly number[] = [...IDS, ...Array.from({ length: 12 }, (_, at) => 25 + at)];

/** Counts what each book was promised: everything that was accepted, and nothing else. */
export class Sellers {
  readonly promised: Map<number, number> = new Map(ALL.map((id) => [id, 0]));
  readonly #work: Promise<void>[] = [];
  refused = 0;

  /** Sells until it is refused: one by one, by flushes over several books, and in transactions. */
  begin(orm: MikroORM, seed: number): void {
    this.#work.push(this.#sell(orm, seed));
  }

  async ended(): Promise<void> {
    await Promise.all(this.#work);
  }

  async #sell(orm: MikroORM, seed: number): Promise<void> {
    for (let turn = seed; ; turn += 1) {
      try {
        if (turn % 3 === 0) await this.#inTransaction(orm, [25 + 2 * seed, 26 + 2 * seed]);
        else await this.#one(orm, IDS[(turn * 5) % IDS.length] ?? 1);
      } catch (error) {
        if (!/SHARD_MAP_MISMATCH/u.test(String(error))) throw error;
        this.refused += 1;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async #one(orm: MikroORM, id: number): Promise<void> {
    await Spillway.of(orm).increment(Book, id, { sold: 1 });
    this.#promise(id);
  }

  async #inTransaction(orm: MikroORM, ids: readonly number[]): Promise<void> {
    await orm.em.fork().transactional(
      async (em) => {
        for (const book of await em.find(Book, { id: { $in: ids } })) book.sold += 1;
        await em.flush();
      },
      { spillway: 'stage' },
    );
    for (const id of ids) this.#promise(id);
  }

  #promise(id: number): void {
    this.promised.set(id, (this.promised.get(id) ?? 0) + 1);
  }
}
