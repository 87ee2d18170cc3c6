import { readyAtMs } from './back-off.js';
import type { Board, ShardState } from './board.js';
import { permits } from './circuit-breaker.js';
import type { FlushSettings } from './flush-settings.js';

/** One flush to begin now. */
export interface Flight {
  readonly shards: readonly number[];
  /** Most records of each new batch. */
  readonly limit: number;
  /**
   * A drain waits for the flight. Its rows may refer to rows that are pending in other shards, or that were put off and
   * are not due yet.
   */
  readonly isOfDrain?: boolean;
}

export interface FlightPlan {
  readonly flights: readonly Flight[];
  /** When to plan again though nothing happens; `undefined` for never. */
  readonly alarmMs: number | undefined;
}

/**
 * Decides which flushes begin now, and with which shards.
 *
 * A transaction is filled: traffic spread thinly over 64 shards is one transaction, not 64. Shards are taken in order
 * until they are expected to fill a batch. A flush that is not full waits `lingerMs` for others to become due, unless a
 * drain waits for one of its shards. Shards that drains wait for go together as long as they are expected to be a few
 * batches: their rows may refer to each other, and one transaction cannot write a child while another one writes its
 * parent. A shard that has failed gets a transaction of its own. First come the shards that a drain wants or that are
 * overdue, the longest due first; then the others in this worker's own order.
 */
export function planFlights(board: Board, now: number, settings: FlushSettings): FlightPlan {
  if (board.mode === 'stopping') {
    return { flights: [], alarmMs: undefined };
  }
  const free = permits(board.breaker, settings.concurrency, now) - board.running;
  const ahead = board.breaker.kind === 'closed' ? free + settings.ahead : 0;
  const ready = inOrder(board, now, settings);
  const loads = Math.max(free, ahead) > 0 ? loadsOf(ready, settings) : [];
  const pressing = loads.filter(
    ({ shards, full }) => full || shards.some(({ state }) => isPressing(state, now, settings)),
  );
  const beginning = [...pressing.slice(0, Math.max(0, free)), ...aheadOf(pressing, free, ahead)];
  const flights = beginning.map(({ shards }) => {
    const isOfDrain = board.mode === 'drains' || shards.some(({ state }) => state.demanded);
    return { ...flightOf(shards, settings), ...(isOfDrain && { isOfDrain }) };
  });
  const lingering =
    free > 0 ? ready.filter(({ shard }) => !flights.some((flight) => flight.shards.includes(shard))) : [];
  return { flights, alarmMs: alarm(board, lingering, now, settings) };
}

/** The shards of a flight that may begin now, or wait. */
interface Load {
  readonly shards: readonly Due[];
  /** It waits for no further shard. */
  readonly full: boolean;
  /** It is expected to be a whole batch. */
  readonly large: boolean;
}

/**
 * The flights that begin although all connections are at work. A flight that is not large waits: until a connection is
 * free, more records may come. So do those behind it: they would take every connection before it.
 */
function aheadOf(loads: readonly Load[], free: number, ahead: number): readonly Load[] {
  const begun = Math.max(0, free);
  const next = loads.slice(begun, Math.max(begun, ahead));
  const small = next.findIndex(({ large }) => !large);
  return small === -1 ? next : next.slice(0, small);
}

interface Due {
  readonly shard: number;
  readonly state: ShardState;
  readonly dueMs: number;
}

function inOrder(board: Board, now: number, settings: FlushSettings): readonly Due[] {
  const ready = board.order.flatMap((shard) => {
    const state = board.shards[shard];
    const isReady =
      state?.dueMs !== undefined && !state.running && state.dueMs <= now && readyAtMs(state.backOff) <= now;
    return isReady ? [{ shard, state, dueMs: state.dueMs }] : [];
  });
  const isFirst = ({ state, dueMs }: Due): boolean => state.demanded || dueMs + settings.overdueMs <= now;
  const first = ready.filter(isFirst).toSorted((a, b) => a.dueMs - b.dueMs);
  return [...first, ...ready.filter((due) => !isFirst(due))];
}

function loadsOf(ready: readonly Due[], settings: FlushSettings): readonly Load[] {
  const loads: { readonly shards: Due[]; full: boolean; large: boolean }[] = [];
  let open: (typeof loads)[number] | undefined;
  let expected = 0;
  const most = settings.batchSize * (isTogether(ready, settings) ? TOGETHER : 1);
  for (const due of ready) {
    if (due.state.alone) {
      loads.push({ shards: [due], full: true, large: false });
      continue;
    }
    if (open === undefined) {
      open = { shards: [], full: false, large: false };
      expected = 0;
      loads.push(open);
    }
    open.shards.push(due);
    expected += due.state.expected;
    if (expected >= most || open.shards.length >= settings.maxShards) {
      open.full = true;
      open.large = expected >= settings.batchSize;
      open = undefined;
    }
  }
  return loads;
}

/** The most batches of drained shards that go into one transaction. */
const TOGETHER = 4;

function isTogether(ready: readonly Due[], { batchSize }: FlushSettings): boolean {
  const demanded = ready.filter(({ state }) => state.demanded && !state.alone);
  const expected = demanded.reduce((sum, { state }) => sum + state.expected, 0);
  return demanded.length > 0 && expected <= TOGETHER * batchSize;
}

function isPressing(state: ShardState, now: number, settings: FlushSettings): boolean {
  return state.demanded || (state.dueMs !== undefined && state.dueMs + settings.lingerMs <= now);
}

/**
 * Many shards share one batch's worth of records, but unevenly, so each may bring twice its part: the transaction is
 * never larger than two batches, or than four if a drain waits for it.
 */
function flightOf(shards: readonly Due[], settings: FlushSettings): Flight {
  const batches = shards.some(({ state }) => state.demanded) ? TOGETHER : 2;
  const limit = Math.min(settings.batchSize, Math.ceil((batches * settings.batchSize) / shards.length));
  return { shards: shards.map(({ shard }) => shard), limit };
}

/**
 * The next moment at which a plan would differ. A shard that waits for a running flush needs no alarm, because the end
 * of that flush is a signal.
 */
function alarm(board: Board, lingering: readonly Due[], now: number, settings: FlushSettings): number | undefined {
  const times = lingering.map(({ dueMs }) => dueMs + settings.lingerMs);
  for (const state of board.shards) {
    if (state.dueMs !== undefined && !state.running) {
      times.push(Math.max(state.dueMs, readyAtMs(state.backOff)));
    }
  }
  const opensMs = board.breaker.kind === 'open' ? board.breaker.untilMs : Number.NEGATIVE_INFINITY;
  if (board.look.atMs !== undefined && !board.look.running) {
    times.push(Math.max(board.look.atMs, opensMs));
  }
  if (opensMs > now && board.shards.some((state) => state.dueMs !== undefined)) {
    times.push(opensMs);
  }
  const [first] = times.filter((time) => time > now).toSorted((left, right) => left - right);
  return first;
}
