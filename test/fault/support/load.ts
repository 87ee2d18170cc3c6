import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { DurabilityNotReachedError, SpillwayError } from '@spillway/core';
import { eventually } from '@spillway/test-support';
import { Item, Page } from '../programs/site.js';
import type { Entry } from './journal.js';

/**
 * An application in this process, whose staging store goes wrong: each lane counts on its page and makes items, and
 * when a flush fails it calls `em.flush()` again, as the error says.
 */
export class Load {
  readonly journal: Entry[] = [];
  /** The codes of the errors that flushes have failed with. */
  readonly errors: string[] = [];
  readonly #orm: MikroORM;
  readonly #lanes: readonly Promise<void>[];
  #isEnding = false;
  #done = 0;

  constructor(orm: MikroORM, pages: readonly string[]) {
    this.#orm = orm;
    this.#lanes = pages.map(async (page) => this.#work(page));
  }

  /** Waits until so many units of work more have been acknowledged. */
  async goesOn(more: number): Promise<void> {
    const goal = this.#done + more;
    await eventually(() => this.#done >= goal, { what: `${more} more units of work`, timeoutMs: 30_000 });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#lanes);
  }

  async #work(pageId: string): Promise<void> {
    for (let number = 1; !this.#isEnding; number++) {
      const em = this.#orm.em.fork();
      const work = `${pageId}#${number}`;
      const page = await this.#insist(async () => em.findOneOrFail(Page, pageId));
      page.hits += number;
      em.create(Item, { id: work, text: `made by ${work}` });
      this.journal.push({
        kind: 'begun',
        work,
        effects: [
          { kind: 'hits', id: pageId, by: number },
          { kind: 'item', id: work, text: `made by ${work}`, version: 1 },
        ],
      });
      if (!(await this.#isFlushed(em))) continue;
      this.journal.push({ kind: 'done', work });
      this.#done += 1;
    }
  }

  /** False: it was staged, and Redis has forgotten it before it was durable. Nobody knows whether it was written. */
  async #isFlushed(em: EntityManager): Promise<boolean> {
    const short = await this.#insist(async () => {
      try {
        await em.flush();
        return undefined;
      } catch (error) {
        if (error instanceof DurabilityNotReachedError) return error;
        throw error;
      }
    });
    if (short === undefined) return true;
    this.errors.push(short.code);
    return this.#insist(async () => {
      try {
        await short.retry();
        return true;
      } catch (error) {
        if (error instanceof SpillwayError && error.code === 'STAGING_LOSS') return false;
        throw error;
      }
    });
  }

  /** A staging store that is away or silent is no reason to give up; anything else is. */
  async #insist<T>(act: () => Promise<T>): Promise<T> {
    const settled = await eventually(
      async (): Promise<PromiseSettledResult<T>> => {
        const [result] = await Promise.allSettled([act()]);
        if (result.status === 'fulfilled' || !isOfStaging(result.reason)) return result;
        this.errors.push(result.reason.code);
        throw result.reason;
      },
      { what: 'the staging store to be back', timeoutMs: 30_000 },
    );
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  }
}

function isOfStaging(error: unknown): error is SpillwayError {
  return error instanceof SpillwayError && /^(?:STAGING|DURABILITY)_/u.test(error.code);
}
