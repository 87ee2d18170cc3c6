import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel';
import type { RowKey } from '../change/row-key.js';
import type { SpillwayEvent } from '../events.js';
import type { RefusalReason } from '../staging/stage-side.js';
import type { Health } from './health.js';
import type { SpillwayStatus } from './status.js';

/**
 * The engine of one ORM, as telemetry sees it. Every message names its source. There is one object per ORM, so a
 * subscriber can tell engines apart by it.
 */
export interface TelemetrySource {
  /** The option `namespace` of `spillway()`. */
  readonly namespace: string;
  /** Entity -> `maxPending` of its policy, for each entity that this process stages. */
  limits(): Readonly<Record<string, number>>;
  /** As `Spillway.of(orm).status()`. */
  status(): Promise<SpillwayStatus>;
  /** As `Spillway.of(orm).health()`. */
  health(): Promise<Health>;
}

/** The message of `spillway:open` and `spillway:close`. */
export interface LifeMessage {
  readonly source: TelemetrySource;
}

/** The message of `spillway:event`: one event of the process, as `Spillway.of(orm).events$` has it. */
export interface EventMessage {
  readonly source: TelemetrySource;
  readonly event: SpillwayEvent;
}

/** How a stage call has ended. Where several servers have answered, the worst answer counts. */
export type StageOutcome = 'staged' | 'refused' | 'dropped' | 'unknown';

/** The message of `spillway:stage`: the changes of one flush, or of one call past the unit of work. */
export interface StageMessage {
  readonly source: TelemetrySource;
  /** Row -> its entity, for each row that is to be staged. Values are never in a message. */
  readonly rows: ReadonlyMap<RowKey, string>;
  /** Set when the call has ended. Absent if it has failed: `error` has the reason. */
  outcome?: StageOutcome;
  /** The rows that were accepted. Set with `outcome`. */
  staged?: ReadonlySet<RowKey>;
  /** Reason -> number of refused rows. Set with `outcome`. */
  refused?: Readonly<Partial<Record<RefusalReason, number>>>;
  error?: unknown;
}

/**
 * What became of a record.
 * - `written`: its row is as the record says
 * - `superseded`: a conflict that the policy settled for the row in the database
 * - `again`: it was put off, and is tried again later
 * - `dead`: it became a dead letter
 */
export type RecordOutcome = 'written' | 'superseded' | 'again' | 'dead';

/** One record of a batch that has ended. */
export interface FlushedRecord {
  readonly entity: string;
  readonly outcome: RecordOutcome;
  /** How many changes were coalesced into it. */
  readonly changes: number;
  /** From its first change to the claim of its batch, by the clock of the staging store. Milliseconds. */
  readonly waitedMs: number;
}

/**
 * How a flush has ended.
 * - `written`: at least one batch is in the database
 * - `nothing`: nothing was due, or other workers had locked the shards
 * - `failed`: no batch was written, and at least one shard has failed
 */
export type FlushOutcome = 'written' | 'nothing' | 'failed';

/** The message of `spillway:flush`: one transaction over one or more shards, from claim to acknowledgement. */
export interface FlushMessage {
  readonly source: TelemetrySource;
  /** How many shards it was asked to flush. */
  readonly shards: number;
  /** It was asked for by a drain; otherwise records were due. */
  readonly isOfDrain: boolean;
  /** Set when the flush has ended. */
  outcome?: FlushOutcome;
  /**
   * Row -> its record, for the records of all batches that this flush has ended. If another process has ended a batch
   * first, that process reports it. Set with `outcome`.
   */
  records?: ReadonlyMap<RowKey, FlushedRecord>;
  /** Why shards have failed, one error per kind. Set with `outcome`. */
  failures?: readonly { readonly kind: string; readonly error: unknown }[];
  error?: unknown;
}

/** The message of `spillway:drain`: a query or a call that waits until pending changes are written. */
export interface DrainMessage {
  readonly source: TelemetrySource;
  /** Shards that hold records which were tried and have to wait. Set when the drain has ended. */
  left?: number;
  error?: unknown;
}

type Traced<Message extends object> = TracingChannel<unknown, Message>;

/** The engine of an ORM has opened its connections. */
export const openChannel: Channel = channel('spillway:open');
/** The engine of an ORM closes its connections. Its status cannot be asked for any more. */
export const closeChannel: Channel = channel('spillway:close');
export const eventChannel: Channel = channel('spillway:event');
export const stageChannel: Traced<StageMessage> = tracingChannel('spillway:stage');
export const flushChannel: Traced<FlushMessage> = tracingChannel('spillway:flush');
export const drainChannel: Traced<DrainMessage> = tracingChannel('spillway:drain');

/**
 * Runs something under a tracing channel. Without a subscriber this is one check: no message is made, and no promise
 * besides that of `run`.
 *
 * @param note completes the message, when the answer is there and before `asyncEnd` is published
 */
export function traced<Message extends object, T>(
  through: Traced<Message>,
  message: () => Message,
  run: () => Promise<T>,
  note: (message: Message, answer: T) => void,
): Promise<T> {
  if (!through.hasSubscribers) return run();
  const made = message();
  return through.tracePromise(async () => {
    const answer = await run();
    note(made, answer);
    return answer;
  }, made);
}
