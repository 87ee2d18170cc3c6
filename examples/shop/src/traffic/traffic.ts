import { makeAddress, makePerson, type Catalogue } from './catalogue.js';
import { Popularity } from './popularity.js';
import { Random } from './random.js';

/** One thing that somebody does in the shop. Products and customers are ranks in the catalogue, orders are counted. */
export type Visit =
  | { readonly kind: 'view-page'; readonly product: number }
  | { readonly kind: 'count-view'; readonly product: number }
  | { readonly kind: 'place-order'; readonly order: number; readonly customer: number; readonly basket: Basket }
  | { readonly kind: 'pay-order' | 'ship-order' | 'cancel-order' | 'delete-order'; readonly order: number }
  | { readonly kind: 'change-price'; readonly product: number; readonly percent: number }
  | { readonly kind: 'restock'; readonly product: number; readonly quantity: number }
  | { readonly kind: 'sign-up'; readonly name: string; readonly address: string }
  | { readonly kind: 'move-house'; readonly customer: number; readonly address: string };

export type Basket = readonly { readonly product: number; readonly quantity: number }[];

const largestBasket = 10;

/**
 * An endless day in the shop, without a clock: pages are viewed ten times as often as something is ordered, hot
 * products are viewed, sold, repriced and restocked most, and an order lives on for a while after it was placed.
 */
export class Traffic {
  readonly #random: Random;
  readonly #products: Popularity;
  readonly #customers: Popularity;
  /** The visits of later steps: an order that was placed is paid, then shipped. */
  readonly #later = new Map<number, Visit[]>();
  #step = 0;
  #orders = 0;

  constructor(seed: string, catalogue: Catalogue) {
    this.#random = new Random(seed);
    this.#products = new Popularity(catalogue.products.length);
    this.#customers = new Popularity(catalogue.customers.length, 0.7);
  }

  next(): Visit {
    const due = this.#later.get(this.#step)?.shift();
    if (due !== undefined) return due;
    this.#later.delete(this.#step);
    this.#step += 1;
    return this.#anything();
  }

  #anything(): Visit {
    const dice = this.#random.next() * 100;
    if (dice < 50) return { kind: 'view-page', product: this.#product() };
    if (dice < 85) return { kind: 'count-view', product: this.#product() };
    if (dice < 93) return this.#placeOrder();
    if (dice < 95) return { kind: 'change-price', product: this.#product(), percent: this.#random.integer(-10, 10) };
    if (dice < 98) return { kind: 'restock', product: this.#product(), quantity: this.#random.integer(10, 200) };
    if (dice < 99) return { kind: 'sign-up', ...makePerson(this.#random) };
    return { kind: 'move-house', customer: this.#customer(), address: makeAddress(this.#random) };
  }

  #placeOrder(): Visit {
    this.#orders += 1;
    const order = this.#orders;
    this.#plan(order);
    return { kind: 'place-order', order, customer: this.#customer(), basket: this.#basket() };
  }

  /** Nine of ten orders are paid and shipped; the others are cancelled, and half of those are deleted. */
  #plan(order: number): void {
    const soon = this.#in(30, 300, { kind: 'pay-order', order });
    if (this.#random.chance(0.9)) {
      this.#in(soon + 100, soon + 1_500, { kind: 'ship-order', order });
      return;
    }
    const cancelled = this.#in(soon + 30, soon + 300, { kind: 'cancel-order', order });
    if (this.#random.chance(0.5)) this.#in(cancelled + 30, cancelled + 600, { kind: 'delete-order', order });
  }

  #in(min: number, max: number, visit: Visit): number {
    const steps = this.#random.integer(min, max);
    const step = this.#step + steps;
    this.#later.set(step, [...(this.#later.get(step) ?? []), visit]);
    return steps;
  }

  /** Small baskets are common, large ones rare, and no product is in one twice. */
  #basket(): Basket {
    const size = 1 + Math.floor(this.#random.next() ** 3 * largestBasket);
    const products = new Set(Array.from({ length: size }, () => this.#product()));
    return [...products].map((product) => ({ product, quantity: this.#random.integer(1, 3) }));
  }

  #product(): number {
    return this.#products.pick(this.#random);
  }

  #customer(): number {
    return this.#customers.pick(this.#random);
  }
}
