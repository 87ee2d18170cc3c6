import type { Ground } from '../../process/side.js';
import { madeTraffic } from './made-traffic.js';
import { firstOf, type Traffic } from './order.js';
import { realTraffic } from './real-traffic.js';

/** Units in a round, unless all are wanted. */
const SHARE = 20_000;
/** As many as a real shop has sold in a year. */
const ALL = 541_909;
/** So that all writers have something to do, in the smallest scale too. */
const LEAST_ORDERS = 16;

/** The traffic of each round: equal in all processes of all sides. */
export function trafficOf({
  seed,
  scale,
  isFull,
  dataFolder,
}: Pick<Ground, 'seed' | 'scale' | 'isFull' | 'dataFolder'>): Traffic {
  const items = Math.round((isFull ? ALL : SHARE) * scale);
  const traffic = dataFolder === undefined ? madeTraffic(seed, Math.max(items, 1_000)) : realTraffic(dataFolder);
  return { ...traffic, orders: firstOf(traffic.orders, items, LEAST_ORDERS) };
}
