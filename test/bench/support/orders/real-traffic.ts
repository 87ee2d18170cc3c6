import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unitsOf, type Order, type Traffic } from './order.js';

/**
 * The orders of a real shop, from two files of `folder`:
 * - `online-retail-baskets.csv.gz`: a line for each order, its product codes separated by commas; each sells one unit.
 * - `online-retail-invoices.csv.gz`: `InvoiceNo,InvoiceDate,CustomerID,TotalPrice` with that line as its head.
 *
 * Both are in the order in which the orders came, but no number joins them. The invoices, which are fewer, are spread
 * evenly over the orders; the other orders have no customer. So customers come back as they did.
 */
export function realTraffic(folder: string): Traffic {
  const baskets = linesOf(folder, 'online-retail-baskets.csv.gz');
  const [, ...invoices] = linesOf(folder, 'online-retail-invoices.csv.gz');
  const products = new Keys();
  const customers = new Keys();
  const orders = baskets.map((line, index): Order => {
    const units = unitsOf(line.split(',').map((code) => products.of(code)));
    const next = Math.floor(((index + 1) * invoices.length) / baskets.length);
    if (next === Math.floor((index * invoices.length) / baskets.length)) return { units, cents: 0 };
    const [, , customer = '', price] = (invoices[next - 1] ?? '').split(',');
    return { units, customer: customers.of(customer), cents: Math.round(Number(price) * 100) };
  });
  return { orders, products: products.size, customers: customers.size };
}

function linesOf(folder: string, name: string): readonly string[] {
  const text = gunzipSync(readFileSync(path.join(folder, name))).toString('utf8');
  return text.split('\n').flatMap((line) => line.trim() || []);
}

/** Numbers from 1 for texts, in the order in which they are seen first. */
class Keys {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size + 1);
    return this.#numbers.size;
  }

  get size(): number {
    return this.#numbers.size;
  }
}
