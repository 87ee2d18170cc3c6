import type { Observable } from 'rxjs';
import { bareError } from './bare-error.js';
import type { RowKey } from './change/row-key.js';
import { EventStream } from './events/event-stream.js';
import { tell } from './events/tell.js';
import type { DatabaseState } from './sink/sink-failure.js';
import type { DroppedLetter } from './staging/dead-letter-store.js';

/** An event of this process. Rows are named by their row key and entity; values never appear in an event. */
export type SpillwayEvent =
  /** Changes of one unit of work were accepted by a shard. */
  | { readonly type: 'staged'; readonly shard: number; readonly changes: number }
  /**
   * A batch is in PostgreSQL and has left the staging store. Exactly one process emits the event: the one that
   * acknowledged the batch. `recordsAgain` and `recordsDead` of its records were not written.
   */
  | {
      readonly type: 'written';
      readonly shard: number;
      readonly token: string;
      readonly records: number;
      readonly recordsAgain: number;
      readonly recordsDead: number;
    }
  /** A row was not as a record expected. `settled`: the winner; `nobody` means that the record is a dead letter now. */
  | {
      readonly type: 'conflict';
      readonly shard: number;
      readonly entity: string;
      readonly rowKey: RowKey;
      readonly settled: 'database' | 'nobody';
    }
  /** A record cannot be written, and became a dead letter. */
  | {
      readonly type: 'dead-letter';
      readonly shard: number;
      readonly entity: string;
      readonly rowKey: RowKey;
      readonly code: string;
      readonly reason: string;
    }
  /**
   * The oldest dead letters of a shard were dropped, with the changes in them: there were more than `deadLetters.keep`
   * allows, or they were older than `deadLetters.keepFor`. Exactly one process emits the event.
   */
  | { readonly type: 'dead-letters-dropped'; readonly shard: number; readonly letters: readonly DroppedLetter[] }
  /** Something failed and is tried again without end. Nothing is lost and no record is blamed. */
  | {
      readonly type: 'retry';
      readonly shards: readonly number[];
      readonly reason:
        | 'restart'
        | 'fault'
        | 'staging'
        | 'sink-down'
        | 'ledger-pruning'
        | 'dead-letters'
        | 'held-changes';
      readonly error: unknown;
    }
  /**
   * Writing stops there until a person provides something missing. Spillway tries again after longer and longer pauses;
   * nothing is lost. Emitted when the pause begins, and for a table again every 30 seconds while it lasts: `times`
   * batches have met it by then, the last of them with `records`.
   */
  | {
      readonly type: 'paused';
      readonly cause: 'configuration';
      readonly shards: readonly number[];
      readonly error: unknown;
    }
  | {
      readonly type: 'paused';
      readonly cause: 'table';
      readonly schema: string;
      readonly table: string;
      readonly code: string;
      readonly reason: string;
      readonly records: number;
      readonly times: number;
    }
  /**
   * An operator has paused an entity, or all (`pause()`), or has ended the pause. Emitted in the process of the call,
   * and in each process that flushes, when a flush meets it.
   */
  | { readonly type: 'paused'; readonly cause: 'operator'; readonly entity?: string }
  | { readonly type: 'resumed'; readonly entity?: string }
  /** The staging store does not answer for these shards. */
  | { readonly type: 'staging-down'; readonly shards: readonly number[]; readonly error: unknown }
  | { readonly type: 'staging-up'; readonly shards: readonly number[] }
  /**
   * One side has lost data that the other side has. `staging`: `parked` records became dead letters, since they may
   * have been written; `doubtful` ones are settled by their version. Both are 0 where the staging store had lost
   * everything: its pending changes are lost then. `database`: batches up to the one before `token`, which were
   * committed once, are gone from it; staged changes are applied.
   */
  | {
      readonly type: 'staging-loss';
      readonly shard: number;
      readonly forgot: 'staging';
      readonly parked: number;
      readonly doubtful: number;
    }
  | { readonly type: 'staging-loss'; readonly shard: number; readonly forgot: 'database'; readonly token: string }
  /** The circuit breaker has opened: the database takes no writes; `state` says why. Changes are still staged. */
  | { readonly type: 'sink-down'; readonly state: DatabaseState; readonly error: unknown }
  | { readonly type: 'sink-up' }
  /**
   * A query or an SQL statement went on although earlier staged changes are not in the database: `refused`, PostgreSQL
   * would not take them yet; `transaction`, they may have to wait for the caller's own locks; `timeout`, they were not
   * written within `drainTimeout`, and the policy lets the query go on.
   */
  | { readonly type: 'lagging'; readonly reason: 'refused' | 'transaction' | 'timeout' }
  /**
   * A flush, or a call past the unit of work, is written by SQL, as its policies say. It could not be staged, because
   * the staging store has no room (`full`) or is away (`down`).
   */
  | { readonly type: 'overflow'; readonly reason: 'full' | 'down' }
  /**
   * The staged changes of tables that are cleared or dropped (`orm.schema`) were discarded: pending records, and dead
   * letters. Without `tables`: those of all tables, and the namespace begins anew with the next database.
   */
  | { readonly type: 'emptied'; readonly tables?: readonly string[]; readonly records: number; readonly dead: number }
  /** A drain has ended; `left` shards still hold records that it tried and that have to wait. */
  | { readonly type: 'drained'; readonly left: number; readonly durationMs: number };

export type SpillwayEventName = SpillwayEvent['type'];

export type SpillwayEventOf<Name extends SpillwayEventName> = Extract<SpillwayEvent, { readonly type: Name }>;

/** A listener may answer a promise. Spillway does not wait for it; a rejection becomes a warning of the process. */
export type SpillwayListener<Name extends SpillwayEventName> = (event: SpillwayEventOf<Name>) => unknown;

/** What else hears the events of one engine, such as telemetry. */
export interface EventTap {
  /** Where `hasSubscribers` is false, no event is made for it. */
  readonly channel: { readonly hasSubscribers: boolean };
  happened(event: SpillwayEvent): void;
}

/**
 * The events of one engine. Emitting calls the listeners at once, in the order in which they came. A listener that
 * fails, at once or by its promise, stops neither the engine nor the other listeners: it is a warning of the process.
 */
export class SpillwayEvents {
  readonly #named = new Map<SpillwayEventName, Set<(event: never) => unknown>>();
  readonly #all = new Set<(event: SpillwayEvent) => void>();
  readonly #tap: EventTap | undefined;

  /**
   * All events as they happen; nothing is replayed. An error of a subscriber, or of an operator before it, becomes a
   * warning of the process.
   */
  readonly events$: Observable<SpillwayEvent> = new EventStream((subscriber) => {
    const listener = (event: SpillwayEvent): void => subscriber.next(event);
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  });

  /** @param tap hears every event before the listeners */
  constructor(tap?: EventTap) {
    this.#tap = tap;
  }

  /** @returns a function that takes the listener off again */
  on<Name extends SpillwayEventName>(name: Name, listener: SpillwayListener<Name>): () => void {
    // A function of its own, so that one listener given twice is called twice and each can be removed.
    const entry = (event: SpillwayEventOf<Name>): unknown => listener(event);
    const entries = this.#named.get(name) ?? new Set();
    this.#named.set(name, entries.add(entry));
    return () => {
      entries.delete(entry);
    };
  }

  /** True if the event has a listener. Where events are frequent, the check saves creating them. */
  heard(name: SpillwayEventName): boolean {
    return this.#all.size > 0 || this.#tap?.channel.hasSubscribers === true || (this.#named.get(name)?.size ?? 0) > 0;
  }

  emit(happened: SpillwayEvent): void {
    // A listener may print the whole event.
    const event = 'error' in happened ? { ...happened, error: bareError(happened.error) } : happened;
    if (this.#tap?.channel.hasSubscribers === true) this.#tap.happened(event);
    for (const listener of [...(this.#named.get(event.type) ?? []), ...this.#all]) {
      // A set under a name holds listeners of that name's events only (see `on`), which the type of the map cannot say.
      tell(() => listener(event as never), `A listener of the event '${event.type}'`);
    }
  }
}
