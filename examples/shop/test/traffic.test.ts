import { expect, test } from 'vitest';
import { makeCatalogue } from '../src/traffic/catalogue.js';
import { Traffic, type Visit } from '../src/traffic/traffic.js';

const catalogue = makeCatalogue('42');
const visits = visitsOf('42');

test('the seed decides the traffic', () => {
  expect(visitsOf('42')).toEqual(visits);
  expect(visitsOf('43')).not.toEqual(visits);
});

test('a few products take most of the traffic', () => {
  const views = (rank: number): number => visits.filter((visit) => 'product' in visit && visit.product === rank).length;
  expect(views(0)).toBeGreaterThan((views(1) + views(2)) / 2);
  expect(views(0)).toBeGreaterThan(50 * views(catalogue.products.length - 1));
});

test('pages are viewed an order of magnitude more often than orders are placed', () => {
  const ratio = (count('view-page') + count('count-view')) / count('place-order');
  expect(ratio).toBeGreaterThan(8);
  expect(ratio).toBeLessThan(13);
});

test('a basket has one to ten lines, and no product twice', () => {
  const baskets = visits.flatMap((visit) => (visit.kind === 'place-order' ? [visit.basket] : []));
  const sizes = new Set(baskets.map((basket) => basket.length));
  expect(Math.min(...sizes)).toBe(1);
  expect(Math.max(...sizes)).toBe(10);
  expect(baskets.every((basket) => new Set(basket.map(({ product }) => product)).size === basket.length)).toBe(true);
});

test('an order is placed, paid, and then shipped or cancelled, and only a cancelled one is deleted', () => {
  const lives = Map.groupBy(
    visits.filter((visit) => 'order' in visit),
    ({ order }) => order,
  );
  const told = new Set([...lives.values()].map((life) => life.map(({ kind }) => kind.replace('-order', '')).join(' ')));
  const whole = ['place pay ship', 'place pay cancel', 'place pay cancel delete'];
  for (const life of told) expect(whole.some((known) => known.startsWith(life))).toBe(true);
  for (const known of whole) expect(told).toContain(known);
});

function visitsOf(seed: string): Visit[] {
  const traffic = new Traffic(seed, catalogue);
  return Array.from({ length: 20_000 }, () => traffic.next());
}

function count(kind: Visit['kind']): number {
  return visits.filter((visit) => visit.kind === kind).length;
}
