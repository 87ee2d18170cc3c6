import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Shop } from '../shop/shop.js';
import type { Traffic } from '../traffic/traffic.js';

/** So many visitors at once, one visit after the other each, until they are told to leave. */
export async function serveVisitors(visitors: number, shop: Shop, traffic: Traffic, stop: AbortSignal): Promise<void> {
  const visit = async (): Promise<void> => {
    while (!stop.aborted) {
      await shop.serve(traffic.next());
      // Embedded, a visit waits for nothing outside of this process, so no timer would ever have its turn.
      await othersTurn();
    }
  };
  await Promise.all(Array.from({ length: visitors }, visit));
}
