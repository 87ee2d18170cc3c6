/**
 * The second process of a lane: it does in both worlds what it is told, and ends with the process that has started it.
 */
import { Actor, type Observation } from './actor.js';
import type { Keys } from './keys.js';
import { openBehind, openPlain, type LaneSettings } from './open-orm.js';
import type { Act, Nudge } from './steps.js';

/** What the first process says. */
export type Order =
  | {
      readonly id: number;
      readonly do: 'run';
      readonly world: World;
      readonly fork: number;
      readonly act: Act | Nudge;
      readonly keys: Keys;
    }
  | { readonly id: number; readonly do: 'discard'; readonly fork: number }
  | { readonly id: number; readonly do: 'reset' };
export type World = 'plain' | 'behind';

/** What it is answered. */
export interface Answer {
  readonly id: number;
  readonly observation?: Observation;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as LaneSettings;
const plain = await openPlain(settings);
const behind = await openBehind(settings);
const actors = { plain: new Actor(plain, true), behind: new Actor(behind, false) };

process.on('message', (order: Order) => void answer(order));
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0 } satisfies Answer);

async function answer(order: Order): Promise<void> {
  const observation = await follow(order);
  process.send?.({ id: order.id, ...(observation && { observation }) } satisfies Answer);
}

async function follow(order: Order): Promise<Observation | undefined> {
  if (order.do === 'run') return actors[order.world].run(order.fork, order.act, order.keys);
  for (const actor of Object.values(actors)) {
    if (order.do === 'discard') actor.discard(order.fork);
    else actor.reset();
  }
  return undefined;
}
