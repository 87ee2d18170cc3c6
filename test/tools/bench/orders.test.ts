import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { madeTraffic } from '../../bench/support/orders/made-traffic.js';
import { firstOf, rowsOf, unitsOf, type Order } from '../../bench/support/orders/order.js';
import { realTraffic } from '../../bench/support/orders/real-traffic.js';
import { trafficOf } from '../../bench/support/orders/traffic.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderWith(baskets: string, invoices: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-orders-'));
  folders.push(folder);
  writeFileSync(path.join(folder, 'online-retail-baskets.csv.gz'), gzipSync(baskets));
  writeFileSync(path.join(folder, 'online-retail-invoices.csv.gz'), gzipSync(invoices));
  return folder;
}

function itemsIn(orders: readonly Order[]): number[] {
  return orders.flatMap(({ units }) =>
    [...units].flatMap(([product, sold]) => Array.from({ length: sold }, () => product)),
  );
}

test('an order sells a unit for each of its items, in the order of the keys', () => {
  expect([...unitsOf([9, 2, 9])]).toEqual([
    [2, 1],
    [9, 2],
  ]);
  expect(rowsOf({ units: unitsOf([9, 2, 9]), customer: 1, cents: 5 })).toBe(3);
  expect(rowsOf({ units: unitsOf([9]), cents: 0 })).toBe(1);
});

test('a share of the orders has so many units, and so many orders at least', () => {
  const orders = [3, 2, 4].map((size) => ({ units: unitsOf(Array.from({ length: size }, () => 1)), cents: 0 }));
  expect(firstOf(orders, 4, 0)).toHaveLength(2);
  expect(firstOf(orders, 0, 1)).toHaveLength(1);
  expect(firstOf(orders, 1, 9)).toHaveLength(3);
});

test('orders are read from two files, and the invoices are spread over the orders', () => {
  const invoices =
    'InvoiceNo,InvoiceDate,CustomerID,TotalPrice\n1,2010-12-01,17850,139.12\n2,2010-12-01,13047,22.200000003\n';
  expect(realTraffic(folderWith('A,B,A\nC\nB\nA\n', invoices))).toEqual({
    products: 3,
    customers: 2,
    orders: [
      { units: unitsOf([1, 1, 2]), cents: 0 },
      { units: unitsOf([3]), customer: 1, cents: 13_912 },
      { units: unitsOf([2]), cents: 0 },
      { units: unitsOf([1]), customer: 2, cents: 2_220 },
    ],
  });
});

test('made orders are equal for a seed, and have the skew of the real ones', () => {
  const { orders, products, customers } = madeTraffic(1, 200_000);
  expect(madeTraffic(1, 200_000).orders).toEqual(orders);
  const items = itemsIn(orders);
  expect(items).toHaveLength(200_000);
  expect(items.every((product) => product >= 1 && product <= products)).toBe(true);
  const shareOfFirst = (ranks: number): number => items.filter((product) => product <= ranks).length / items.length;
  expect(shareOfFirst(100)).toBeCloseTo(0.188, 1);
  expect(shareOfFirst(500)).toBeCloseTo(0.51, 1);
  expect(items.length / orders.length).toBeGreaterThan(18);
  expect(items.length / orders.length).toBeLessThan(24);
  const buyers = orders.flatMap(({ customer }) => customer ?? []);
  expect(buyers.length / orders.length).toBeCloseTo(0.716, 1);
  expect(buyers.every((customer) => customer >= 1 && customer <= customers)).toBe(true);
});

test('a round has 20,000 units by default, and a year of them if all are wanted', () => {
  const unitsIn = (isFull: boolean): number => itemsIn(trafficOf({ seed: 1, scale: 1, isFull }).orders).length;
  expect(unitsIn(false)).toBe(20_000);
  expect(unitsIn(true)).toBe(541_909);
});
