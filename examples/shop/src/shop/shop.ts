import { OptimisticLockError, type MikroORM } from '@mikro-orm/core';
import { DurabilityNotReachedError, SpillwayError, StagingTimeoutError } from '@spillway/core';
import type { Draft } from '../journal/draft.js';
import type { Journal } from '../journal/journal.js';
import { Times } from '../pace/times.js';
import type { Figures } from '../processes/figures.js';
import type { Catalogue } from '../traffic/catalogue.js';
import type { Visit } from '../traffic/traffic.js';
import { moveHouse, signUp } from './customers.js';
import type { Counting } from './counting.js';
import { deleteOrder, keysOf, placeOrder, setStatus, type OrderKeys } from './orders.js';
import { changePrice, changeStock, viewOf, viewPage } from './products.js';
import { insist } from './insist.js';
import type { Request } from './request.js';

export interface ShopParts {
  readonly orm: MikroORM;
  readonly counting: Counting;
  readonly journal: Journal;
  readonly catalogue: Catalogue;
  /** Begins the references of all orders that are placed here. */
  readonly name: string;
}

/** Serves visits as any application on MikroORM would: find by key, change, flush; reload and retry when too late. */
export class Shop {
  readonly #orm: MikroORM;
  readonly #counting: Counting;
  readonly #journal: Journal;
  readonly #catalogue: Catalogue;
  readonly #name: string;
  readonly #orders = new Map<number, OrderKeys>();
  readonly #times = new Times();
  #saves = 0;
  #conflicts = 0;

  constructor({ orm, counting, journal, catalogue, name }: ShopParts) {
    this.#orm = orm;
    this.#counting = counting;
    this.#journal = journal;
    this.#catalogue = catalogue;
    this.#name = name;
  }

  figures(): Figures {
    return { saves: this.#saves, conflicts: this.#conflicts, rows: 0, times: this.#times.counts() };
  }

  async serve(visit: Visit): Promise<void> {
    switch (visit.kind) {
      case 'view-page':
        return void (await this.#handle(viewPage(this.#product(visit.product), this.#counting)));
      case 'count-view':
        return this.#countView(this.#product(visit.product));
      case 'change-price':
        return void (await this.#handle(changePrice(this.#product(visit.product), visit.percent)));
      case 'restock':
        return void (await this.#handle(changeStock(this.#product(visit.product), visit.quantity)));
      case 'sign-up':
        return void (await this.#handle(signUp(visit.name, visit.address)));
      case 'move-house':
        return void (await this.#handle(moveHouse(this.#customer(visit.customer), visit.address)));
      case 'place-order':
        return this.#placeOrder(visit);
      case 'pay-order':
        return this.#handleOrder(visit.order, (order) => setStatus(order, 'paid'));
      case 'ship-order':
        return this.#handleOrder(visit.order, (order) => setStatus(order, 'shipped'));
      case 'cancel-order':
        return this.#handleOrder(visit.order, (order) => setStatus(order, 'cancelled'));
      case 'delete-order':
        return this.#handleOrder(visit.order, deleteOrder);
    }
  }

  async #placeOrder(visit: Extract<Visit, { kind: 'place-order' }>): Promise<void> {
    const reference = `${this.#name}-${visit.order}`;
    const lines = visit.basket.map(({ product, quantity }) => ({ product: this.#product(product), quantity }));
    const order = await this.#handle(placeOrder({ reference, customer: this.#customer(visit.customer), lines }));
    if (order !== undefined) this.#orders.set(visit.order, keysOf(order));
    // Product by product: a hot one that somebody else is changing holds up no other.
    for (const { product, quantity } of lines) await this.#handle(changeStock(product, -quantity));
  }

  /** An order that is not known here was not answered, or not yet; then nothing more happens to it. */
  async #handleOrder(order: number, request: (keys: OrderKeys) => Request<unknown>): Promise<void> {
    const keys = this.#orders.get(order);
    if (keys !== undefined) await this.#handle(request(keys));
  }

  /** Counts without loading anything. */
  async #countView(product: string): Promise<void> {
    const count = (): Promise<unknown> => this.#counting.unseen(product);
    const again = (error: SpillwayError): Promise<unknown> =>
      error instanceof StagingTimeoutError || error instanceof DurabilityNotReachedError ? error.retry() : count();
    await this.#save([viewOf(product)], () => insist(count, again), performance.now());
  }

  /** `undefined`: the visitor got no answer. */
  async #handle<Answer>(request: Request<Answer>): Promise<Answer | undefined> {
    const begin = performance.now();
    for (;;) {
      const em = this.#orm.em.fork();
      const ask = (): ReturnType<Request<Answer>> => request(em);
      const { answer, drafts, save = () => em.flush() } = await insist(ask, ask);
      if (drafts.length === 0) return answer;
      const again = (error: SpillwayError): Promise<unknown> =>
        error instanceof DurabilityNotReachedError ? error.retry() : em.flush();
      const saved = await this.#save(drafts, () => insist(save, again), begin);
      if (saved === 'saved') return answer;
      if (saved === 'unanswered') return undefined;
      this.#conflicts += 1;
    }
  }

  /** @param begin when the visitor began to wait */
  async #save(
    drafts: readonly Draft[],
    flush: () => Promise<unknown>,
    begin: number,
  ): Promise<'saved' | 'stale' | 'unanswered'> {
    try {
      await this.#journal.record(drafts, flush);
      this.#times.add(performance.now() - begin);
      this.#saves += 1;
      return 'saved';
    } catch (error) {
      if (error instanceof OptimisticLockError) return 'stale';
      // Whether it is staged is unknown: the visitor sees an error page, and the journal has it as in doubt.
      if (error instanceof SpillwayError && UNKNOWN.has(error.code)) return 'unanswered';
      throw error;
    }
  }

  #product(rank: number): string {
    return idAt(this.#catalogue.products, rank);
  }

  #customer(rank: number): string {
    return idAt(this.#catalogue.customers, rank);
  }
}

const UNKNOWN: ReadonlySet<string> = new Set(['STAGING_TIMEOUT', 'STAGING_PARTIAL', 'DURABILITY_NOT_REACHED']);

function idAt(items: readonly { readonly id: string }[], rank: number): string {
  const item = items[rank];
  if (item === undefined) throw new RangeError(`The catalogue has ${items.length} items and no number ${rank}.`);
  return item.id;
}
