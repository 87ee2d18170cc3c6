import type { SpillwayEvent } from '../events.js';
import { afterFlush } from './after-flush.js';
import { backOff, readyAtMs } from './back-off.js';
import { type Board, type Look, type ShardState, withShards } from './board.js';
import { circuitBreaker } from './circuit-breaker.js';
import { eventsOf, eventsOfFailures } from './flush-events.js';
import type { FlushReport } from './flush-report.js';
import type { FlushSettings } from './flush-settings.js';
import { SinkDown } from '../sink/sink-failure.js';
import { type Flight, planFlights } from './planner.js';
import type { ShardWait } from '../staging/look-side.js';
import type { TurnContext } from './turn-context.js';

/** Everything that can happen to a flush pipeline. */
export type Signal =
  /** Become a worker: look for due changes, in all shards, of all processes. */
  | { readonly kind: 'start' }
  /** Begin no more flushes. */
  | { readonly kind: 'stop' }
  /** This process has staged changes in these shards. */
  | { readonly kind: 'wake'; readonly shards: readonly number[] }
  /** A drain waits for a flush of these shards. `fresh`: the drain has just begun, so an old back-off is reset. */
  | { readonly kind: 'demand'; readonly shards: readonly number[]; readonly fresh: boolean }
  /** Batches of these shards may be in the database without the staging store's knowledge. */
  | { readonly kind: 'unsettled'; readonly shards: readonly number[] }
  /** The answer of a look: milliseconds until each shard is due. */
  | { readonly kind: 'looked'; readonly next: readonly ShardWait[] }
  | { readonly kind: 'blind'; readonly error: unknown }
  | { readonly kind: 'landed'; readonly landing: Landing }
  /** Time has passed. */
  | { readonly kind: 'alarm' };

/** A flush that has ended. */
interface Landing {
  readonly shards: readonly number[];
  readonly report: FlushReport;
}

/** The result of one signal. */
export interface Turn {
  readonly board: Board;
  readonly flights: readonly Flight[];
  /** Look for due changes, now. */
  readonly look: boolean;
  readonly alarmMs: number | undefined;
  readonly events: readonly SpillwayEvent[];
  readonly landing?: Landing;
}

/**
 * Every decision of the flush pipeline: notes a signal on the board, then begins all flushes that can begin. Pure but
 * for `random`.
 */
export function takeTurn(before: Board, signal: Signal, now: number, context: TurnContext): Turn {
  const noted = note(before, signal, now, context);
  const plan = planFlights(noted, now, context.settings);
  const flying = launch(noted, plan.flights, now, context);
  const look = flying.mode === 'worker' && wantsLook(flying, now);
  const board = look ? { ...flying, look: { ...flying.look, running: true, atMs: undefined, lastMs: now } } : flying;
  return {
    board,
    flights: plan.flights,
    look,
    alarmMs: plan.alarmMs,
    events: [...eventsOfSignal(signal), ...eventsOfChange(before, board, signal)],
    ...(signal.kind === 'landed' ? { landing: signal.landing } : {}),
  };
}

/** A pipeline that stops is over when its last flush has landed. */
export function isOver(board: Board): boolean {
  return board.mode === 'stopping' && board.running === 0;
}

function note(board: Board, signal: Signal, now: number, context: TurnContext): Board {
  const { settings } = context;
  switch (signal.kind) {
    case 'start':
      return board.mode === 'drains' ? lookBy({ ...board, mode: 'worker' }, now) : board;
    case 'stop':
      return { ...board, mode: 'stopping' };
    case 'wake': {
      // A shard that is known to be due, or whose flush runs, will be looked at anyway; only another shard is news.
      const isNews = signal.shards.some(
        (shard) => board.shards[shard]?.dueMs === undefined && board.shards[shard]?.running === false,
      );
      return isNews ? lookBy(board, Math.max(now, board.look.lastMs + settings.lookSpacingMs)) : board;
    }
    case 'demand':
      return withShards(board, signal.shards, (state) => ({
        ...state,
        dueMs: Math.min(state.dueMs ?? now, now),
        demanded: true,
        backOff: signal.fresh ? backOff(state.backOff, { kind: 'succeeded' }, now, context.random) : state.backOff,
      }));
    case 'unsettled':
      return withShards(board, signal.shards, (state) => ({ ...state, unsettled: true, dueMs: state.dueMs ?? now }));
    case 'looked':
      return noteLook(board, signal.next, now, settings);
    case 'blind':
      return {
        ...withShards(board, board.shards.keys(), unseen),
        look: lookAgain(board.look, now, settings.idlePollMs),
      };
    case 'landed':
      return noteLanding(board, signal.landing, now, context);
    case 'alarm':
      return board;
  }
}

/** The shard keeps its times and its back-off: its next flush may find that its server is back. */
function unseen(state: ShardState): ShardState {
  return { ...state, silent: true, unseen: true };
}

/** Shards that are running, or wait for their back-off, do not shorten the polling interval. */
function noteLook(board: Board, next: readonly ShardWait[], now: number, settings: FlushSettings): Board {
  const seen = withShards(board, board.shards.keys(), (state, shard) => {
    const inMs = next[shard];
    if (inMs instanceof Error) return unseen(state);
    const silent = state.silent && !state.unseen && inMs !== undefined;
    // If nothing is pending any more, another process has written it.
    const blockedBy = inMs === undefined ? undefined : state.blockedBy;
    if (state.running) {
      return { ...state, silent, blockedBy, unseen: false };
    }
    // A shard that stays due keeps its earlier time, because the look only tells that it is due.
    const dueMs =
      inMs === undefined
        ? state.demanded || state.unsettled
          ? now
          : undefined
        : inMs > 0
          ? now + inMs
          : Math.min(state.dueMs ?? now, now);
    return { ...state, silent, blockedBy, dueMs, unseen: false };
  });
  const isPending = seen.shards.some(
    (state) => state.running || (state.dueMs !== undefined && readyAtMs(state.backOff) <= now),
  );
  const intervalMs = isPending ? settings.pollMs : Math.min(settings.idlePollMs, board.look.intervalMs * 2);
  return { ...seen, look: lookAgain(board.look, now, intervalMs) };
}

function noteLanding(board: Board, { shards, report }: Landing, now: number, context: TurnContext): Board {
  const landed = withShards(board, shards, (state, shard) =>
    afterFlush(state, report.get(shard) ?? { kind: 'busy' }, now, context),
  );
  const health = sinkHealth(report);
  const breaker =
    health === undefined
      ? board.breaker
      : circuitBreaker(board.breaker, health, context.settings.breaker, now, context.random);
  const settled = { ...landed, running: board.running - 1, breaker };
  const isDone = [...report.values()].some((result) => result.kind === 'done' || result.kind === 'nothing');
  return lookBy(
    settled,
    isDone ? Math.max(now, board.look.lastMs + context.settings.lookSpacingMs) : now + context.settings.pollMs,
  );
}

/** The state of the database by the results of a flush; `undefined` if all of them are faults. */
function sinkHealth(report: FlushReport): 'sink-up' | 'sink-down' | undefined {
  const kinds = [...report.values()].map((result) => (result.kind === 'failed' ? result.failure.kind : result.kind));
  if (kinds.includes('sink-down')) {
    return 'sink-down';
  }
  return kinds.every((kind) => kind === 'fault') ? undefined : 'sink-up';
}

function launch(board: Board, flights: readonly Flight[], now: number, { settings, random }: TurnContext): Board {
  if (flights.length === 0) {
    return board;
  }
  const flying = withShards(
    board,
    flights.flatMap(({ shards }) => shards),
    (state) => ({ ...state, running: true, demanded: false, dueMs: undefined }),
  );
  return {
    ...flying,
    running: board.running + flights.length,
    breaker: circuitBreaker(board.breaker, 'begun', settings.breaker, now, random),
  };
}

function wantsLook({ look, breaker }: Board, now: number): boolean {
  const isOpen = breaker.kind === 'open' && breaker.untilMs > now;
  return !look.running && !isOpen && look.atMs !== undefined && look.atMs <= now;
}

/** Requests a look at that time or before. A process that only drains needs none. */
function lookBy(board: Board, atMs: number): Board {
  return board.mode === 'worker'
    ? { ...board, look: { ...board.look, atMs: Math.min(board.look.atMs ?? atMs, atMs) } }
    : board;
}

/** The look has been answered; the next comes after the interval, or sooner if one was requested meanwhile. */
function lookAgain(look: Look, now: number, intervalMs: number): Look {
  return {
    ...look,
    running: false,
    intervalMs,
    atMs: Math.min(look.atMs ?? Number.POSITIVE_INFINITY, now + intervalMs),
  };
}

function* eventsOfSignal(signal: Signal): Generator<SpillwayEvent> {
  if (signal.kind === 'landed') {
    yield* eventsOf(signal.landing.report);
    yield* eventsOfFailures(signal.landing.report);
  }
}

function* eventsOfChange(before: Board, after: Board, signal: Signal): Generator<SpillwayEvent> {
  const error =
    signal.kind === 'blind' ? signal.error : signal.kind === 'landed' ? errorOf(signal.landing.report) : undefined;
  const silenced = after.shards.flatMap((state, shard) =>
    state.silent && before.shards[shard]?.silent === false ? [shard] : [],
  );
  const heard = after.shards.flatMap((state, shard) =>
    !state.silent && before.shards[shard]?.silent === true ? [shard] : [],
  );
  const blocked = after.shards.flatMap((state, shard) =>
    state.blockedBy !== undefined && before.shards[shard]?.blockedBy === undefined ? [shard] : [],
  );
  if (blocked.length > 0) {
    yield { type: 'paused', cause: 'configuration', shards: blocked, error };
  }
  yield* silencedBy(signal, silenced, error);
  if (heard.length > 0) {
    yield { type: 'staging-up', shards: heard };
  }
  if (before.breaker.kind === 'closed' && after.breaker.kind === 'open') {
    yield { type: 'sink-down', state: error instanceof SinkDown ? error.state : 'unreachable', error };
  }
  if (before.breaker.kind !== 'closed' && after.breaker.kind === 'closed') {
    yield { type: 'sink-up' };
  }
}

/** Of several servers, each has an error of its own. */
function* silencedBy(signal: Signal, silenced: readonly number[], error: unknown): Generator<SpillwayEvent> {
  const whyOf = (shard: number): unknown => (signal.kind === 'looked' ? signal.next[shard] : error);
  for (const [why, shards] of Map.groupBy(silenced, whyOf)) yield { type: 'staging-down', shards, error: why };
}

/** Of several errors, the one that names the state of the database. */
function errorOf(report: FlushReport): unknown {
  const errors = [...report.values()].flatMap((result) => (result.kind === 'failed' ? [result.failure.error] : []));
  return errors.find((error) => error instanceof SinkDown) ?? errors[0];
}
