import {
  catchError,
  defer,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  observeOn,
  of,
  queueScheduler,
  scan,
  type SchedulerLike,
  share,
  Subject,
  switchMap,
  takeLast,
  takeUntil,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import type { ShardWait } from '../staging/look-side.js';
import { emptyBoard } from './board.js';
import { failureOf } from './failure.js';
import type { FlushReport } from './flush-report.js';
import type { Flight } from './planner.js';
import { isOver, type Signal, takeTurn, type Turn } from './take-turn.js';
import type { TurnContext } from './turn-context.js';

export interface PipelineDeps extends TurnContext {
  /** The shards in the order in which this worker looks at them. */
  readonly order: readonly number[];
  readonly scheduler: SchedulerLike;
  flush(flight: Flight): Promise<FlushReport>;
  /** Milliseconds until each shard is due. */
  look(): Promise<readonly ShardWait[]>;
}

/**
 * The whole flush pipeline. Signals come from outside (changes staged here, drains, start and stop) and from inside (a
 * flush has landed, a look has been answered, an alarm has gone off). Each signal is a turn. A turn says which flushes
 * begin, whether to look for changes that other processes have staged, and when to wake up again. `takeTurn`, a pure
 * function, makes the decisions of a turn; this function carries them out. Works per shard and per flush, never per
 * record. Completes when it has been stopped and its last flush has landed.
 */
export function flushPipeline(outside$: Observable<Signal>, deps: PipelineDeps): Observable<Turn> {
  const { scheduler } = deps;
  return defer(() => {
    const inside$ = new Subject<Signal>();

    const turns$ = merge(outside$, inside$).pipe(
      // A signal that is sent from within a turn (for example by the listener of an event) becomes the next turn, not a
      // turn inside the turn.
      observeOn(queueScheduler),
      scan((turn, signal) => takeTurn(turn.board, signal, scheduler.now(), deps), firstTurn(deps)),
      takeWhile((turn) => !isOver(turn.board), true),
      share(),
    );

    const landings$ = turns$.pipe(
      mergeMap((turn) => turn.flights),
      mergeMap((flight) =>
        from(land(flight, deps)).pipe(
          map((report) => ({
            kind: 'landed' as const,
            landing: { shards: flight.shards, report },
          })),
        ),
      ),
    );

    const looks$ = turns$.pipe(
      filter((turn) => turn.look),
      mergeMap(() =>
        from(deps.look()).pipe(
          map((next) => ({ kind: 'looked' as const, next })),
          catchError((error: unknown) => of({ kind: 'blind' as const, error })),
        ),
      ),
    );

    const alarms$ = turns$.pipe(
      switchMap(({ alarmMs }) =>
        alarmMs === undefined ? EMPTY : timer(Math.max(0, alarmMs - scheduler.now()), scheduler),
      ),
      map(() => ({ kind: 'alarm' as const })),
    );

    const inwards$ = merge(landings$, looks$, alarms$).pipe(
      tap((signal) => inside$.next(signal)),
      takeUntil(turns$.pipe(takeLast(1))),
      ignoreElements(),
    );

    return merge(turns$, inwards$);
  });
}

/** A flush answers and does not reject. If it rejects all the same, the shards are tried again as after any fault. */
async function land(flight: Flight, deps: PipelineDeps): Promise<FlushReport> {
  try {
    return await deps.flush(flight);
  } catch (error) {
    const failure = failureOf(error);
    return new Map(flight.shards.map((shard) => [shard, { kind: 'failed', failure }]));
  }
}

function firstTurn({ order, settings }: PipelineDeps): Turn {
  return { board: emptyBoard(order, settings.pollMs), flights: [], look: false, alarmMs: undefined, events: [] };
}
