import { randomOf } from '../random.js';
import { unitsOf, type Order, type Traffic } from './order.js';

/** A value at a share of all draws, from 0 to 1; values between two of these lie on the line between them. */
type Curve = readonly (readonly [share: number, value: number])[];

/** Units of an order, one of a product each: half of the orders have 10 or less, one in a hundred 193 or more. */
const itemsOfOrder: Curve = [
  [0, 1],
  [0.226, 1],
  [0.5, 10],
  [0.75, 23],
  [0.9, 47],
  [0.95, 68],
  [0.99, 193],
  [0.999, 572],
  [1, 1_114],
];

/** The rank of the product that is sold: the first 100 of 4,070 products sell 19 % of all units, the first 500 51 %. */
const rankOfProduct: Curve = [
  [0, 0],
  [0.0043, 1],
  [0.0318, 10],
  [0.0549, 20],
  [0.1135, 50],
  [0.1882, 100],
  [0.2968, 200],
  [0.5104, 500],
  [0.7187, 1_000],
  [0.9222, 2_000],
  [0.9888, 3_000],
  [1, 4_070],
];

/** The rank of the customer: the first 100 of 4,338 customers give 21 % of the orders of known customers. */
const rankOfCustomer: Curve = [
  [0, 0],
  [0.0113, 1],
  [0.0593, 10],
  [0.2056, 100],
  [0.6326, 1_000],
  [0.8277, 2_000],
  [1, 4_338],
];

/** The share of orders whose customer is known. */
const KNOWN = 0.716;
const CENTS: Curve = [
  [0, 100],
  [1, 80_000],
];

/**
 * Orders of the same skew as those of a real shop, the data set "Online Retail" (25,900 orders of 541,909 units): the
 * curves are its quantiles. Products and customers of an order are drawn independently of each other, and of those of
 * other orders. In the real shop, orders of a day resemble each other more.
 * @param items most units; there are as many orders as that takes
 */
export function madeTraffic(seed: number, items: number): Traffic {
  const random = randomOf(seed);
  const orders: Order[] = [];
  for (let left = items; left > 0;) {
    const size = Math.min(left, Math.round(valueAt(itemsOfOrder, random())));
    left -= size;
    const units = unitsOf(Array.from({ length: size }, () => rankAt(rankOfProduct, random())));
    const isKnown = random() < KNOWN;
    orders.push({
      units,
      ...(isKnown && { customer: rankAt(rankOfCustomer, random()) }),
      cents: isKnown ? Math.round(valueAt(CENTS, random())) : 0,
    });
  }
  return { orders, products: lastOf(rankOfProduct), customers: lastOf(rankOfCustomer) };
}

/** The first rank is 1. */
function rankAt(curve: Curve, share: number): number {
  return Math.floor(valueAt(curve, share)) + 1;
}

function valueAt(curve: Curve, share: number): number {
  const next = Math.max(
    1,
    curve.findIndex(([end]) => share < end),
  );
  const [from, low] = curve[next - 1] ?? [0, 0];
  const [to, high] = curve[next] ?? [1, low];
  return low + ((high - low) * (share - from)) / (to - from);
}

function lastOf(curve: Curve): number {
  return curve.at(-1)?.[1] ?? 0;
}
