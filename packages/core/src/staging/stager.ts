import { randomBytes } from 'node:crypto';
import type { Change, VersionText } from '../change/change.js';
import { type RowKey, shardOf } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';
import { CallSender, type Delivery, type SenderOptions } from './call-sender.js';
import { LateAnswers } from './late-answers.js';
import { CutOff, SentInVain } from './staging-errors.js';
import type { HoldCall, Refusal, StageAnswer, StageCall, StageRules } from './stage-side.js';
import type { StagedMark } from './look-side.js';
import type { StagingStore } from './staging-store.js';

/** How an entity's changes wait, and what happens when it has as many records as it may. */
export interface EntityRules extends StageRules {
  readonly onFull: 'block' | 'reject' | 'write-through';
  readonly blockTimeoutMs: number;
}

/** Under what a transaction holds changes; the same in every shard. */
export type HoldId = Pick<HoldCall, 'id' | 'transaction' | 'standing'>;

export type RulesByEntity = Readonly<Record<string, EntityRules>>;

/** What became of the changes of one unit of work. Every change is in exactly one of the four. */
export interface StageResult {
  /** Row -> the version that it has now, with what is staged; `undefined` for rows without versions. */
  readonly staged: ReadonlyMap<RowKey, VersionText | undefined>;
  /** Of what is staged: the last change of each row, by which it is asked later what became of it. */
  readonly marks: ReadonlyMap<RowKey, StagedMark>;
  readonly refused: readonly Refusal[];
  /** Calls that may have run or may not. They have to be settled before their rows are changed again. */
  readonly unknown: readonly StageCall[];
  /**
   * Calls of which it is known that they have not run and will not: the store could not be reached, or took nothing.
   */
  readonly dropped: readonly StageCall[];
}

/**
 * Stages the changes of a unit of work: one call per shard, and where there are several shards, all are asked first
 * whether they would accept. It is atomic per shard; across shards, what one has accepted stays accepted though another
 * one refuses in the end.
 */
export class Stager {
  readonly #store: StagingStore;
  readonly #sender: CallSender;
  /** Unique to this process and object; a counter makes ids of it without asking for random bytes every time. */
  readonly #idPrefix = randomBytes(12).toString('base64url');
  readonly #late: LateAnswers;
  #calls = 0;

  constructor(store: StagingStore, options: SenderOptions) {
    this.#store = store;
    this.#sender = new CallSender(store, options);
    this.#late = new LateAnswers(this.#sender);
  }

  /**
   * A store that cannot be reached at all is an error; whatever was staged, refused or left open is an answer.
   *
   * @param signal ends waits until the changes are sent, and keeps them from being sent. From then on it is told what
   * became of them, so that they are never staged in part for its sake
   * @throws SpillwayError `STAGING_UNAVAILABLE`, or what else the store says of itself: nothing was staged
   * @throws the signal's reason: nothing was staged
   */
  async stageAll(changes: readonly Change[], rules: RulesByEntity, signal?: AbortSignal): Promise<StageResult> {
    const calls = this.#callsOf(changes, rules);
    signal?.throwIfAborted();
    if (calls.length > 1) {
      const checks = await Promise.all(calls.map(async (call) => this.#sender.check(call, rules, signal)));
      signal?.throwIfAborted();
      const refused = checks.flatMap((check) => (check.status === 'refused' ? check.refusals : []));
      if (refused.length > 0) return { ...NOTHING, refused: withLimits(refused, changes, rules) };
      const failed = checks.find((check) => check.status === 'dropped');
      if (failed) throw failed.cause ?? unreachable(changes.length);
    }
    const deliveries = await this.#send(calls, rules, false, calls.length === 1 ? signal : undefined);
    refuseCutOff(deliveries, collect(calls, deliveries));
    const [first] = deliveries;
    if (deliveries.every(({ status }) => status === 'dropped' || status === 'refused')) signal?.throwIfAborted();
    if (first?.status === 'dropped' && deliveries.every((delivery) => delivery.status === 'dropped')) {
      if (deliveries.some((delivery) => delivery.status === 'dropped' && delivery.wasSent))
        throw new SentInVain(unreachable(changes.length), first.cause);
      throw first.cause ?? unreachable(changes.length);
    }
    const result = this.#collect(calls, deliveries);
    return { ...result, refused: withLimits(result.refused, changes, rules) };
  }

  /**
   * Holds the changes of a transaction that has not ended: all of them, in all shards, or none. What has to be undone
   * for that, or is not known to have arrived, stands under an id that the transaction must not commit.
   *
   * @throws SpillwayError `STAGING_UNAVAILABLE`, or what else the store says of itself: nothing is held
   */
  async holdAll(changes: readonly Change[], rules: RulesByEntity, hold: HoldId): Promise<StageResult> {
    const calls = this.#callsOf(changes, rules).map((call): HoldCall => ({ ...call, ...hold }));
    const deliveries = await Promise.all(calls.map(async (call) => this.#sender.hold(call, rules)));
    refuseCutOff(deliveries);
    const result = collect(calls, deliveries);
    if (result.refused.length + result.unknown.length + result.dropped.length === 0) return result;
    // Whoever does not answer keeps a hold that will be dropped when the transaction has ended, since it has not
    // committed it.
    await Promise.all(calls.map(async ({ shard, id }) => this.#store.held.drop(shard, [id]).catch(() => undefined)));
    const failed = deliveries.find((delivery) => delivery.status === 'dropped');
    if (result.refused.length === 0) throw failed?.cause ?? unreachable(changes.length);
    return { ...NOTHING, refused: result.refused };
  }

  /** Sends calls again under their ids: what has run is answered as it was, what has not runs now. */
  async resend(calls: readonly StageCall[], rules: RulesByEntity): Promise<StageResult> {
    const deliveries = await this.#send(calls, rules, true);
    refuseCutOff(deliveries);
    return this.#collect(calls, deliveries);
  }

  /** Finds out what became of calls, and makes sure that what has not run never will. */
  async settle(calls: readonly StageCall[]): Promise<StageResult> {
    const deliveries = await Promise.all(calls.map(async (call) => this.#late.answer(call)));
    refuseCutOff(deliveries);
    return this.#collect(calls, deliveries);
  }

  /** Sends nothing again, and asks no longer what became of calls that were not answered. */
  close(): void {
    this.#sender.close();
    this.#late.close();
  }

  #collect(calls: readonly StageCall[], deliveries: readonly Delivery[]): StageResult {
    const result = collect(calls, deliveries);
    for (const call of result.unknown) this.#late.seek(call);
    return result;
  }

  async #send(
    calls: readonly StageCall[],
    rules: RulesByEntity,
    wereSent: boolean,
    signal?: AbortSignal,
  ): Promise<readonly Delivery[]> {
    return Promise.all(calls.map(async (call) => this.#sender.stage(call, rules, wereSent, signal)));
  }

  #callsOf(changes: readonly Change[], rules: RulesByEntity): readonly StageCall[] {
    const byShard = Map.groupBy(changes, (change) => shardOf(change.rowKey, this.#store.shards));
    return [...byShard].map(([shard, ofShard]) => {
      this.#calls += 1;
      return { shard, id: `${this.#idPrefix}${this.#calls.toString(36)}`, changes: ofShard, rules };
    });
  }
}

/** A call that our own end has cut off cannot be asked for again before the next beginning. */
function refuseCutOff(deliveries: readonly Delivery[], result?: StageResult): void {
  for (const delivery of deliveries) {
    if (delivery.status === 'unknown' && delivery.cause) throw new CutOff('the staging store', delivery.cause, result);
  }
}

const NOTHING: StageResult = { staged: new Map(), marks: new Map(), refused: [], unknown: [], dropped: [] };

function collect(calls: readonly StageCall[], deliveries: readonly Delivery[]): StageResult {
  const staged = new Map<RowKey, VersionText | undefined>();
  const marks = new Map<RowKey, StagedMark>();
  const refused: Refusal[] = [];
  const unknown: StageCall[] = [];
  const dropped: StageCall[] = [];
  deliveries.forEach((delivery, index) => {
    const call = calls[index] as StageCall;
    if (delivery.status === 'staged') {
      noteVersions(staged, call, delivery.versions);
      noteMarks(marks, call, delivery);
    } else if (delivery.status === 'refused') for (const refusal of delivery.refusals) refused.push(refusal);
    else if (delivery.status === 'unknown') unknown.push(call);
    else dropped.push(call);
  });
  return { staged, marks, refused, unknown, dropped };
}

/** The store tells only the versions that differ from what was asked for. */
function noteVersions(
  staged: Map<RowKey, VersionText | undefined>,
  call: StageCall,
  versions: ReadonlyMap<RowKey, VersionText>,
): void {
  for (const { rowKey, version } of call.changes)
    staged.set(rowKey, versions.get(rowKey) ?? version ?? staged.get(rowKey));
}

/** An entity's share of a shard is known here only. */
function withLimits(refused: readonly Refusal[], changes: readonly Change[], rules: RulesByEntity): readonly Refusal[] {
  if (refused.length === 0) return refused;
  const entityOf = new Map(changes.map(({ rowKey, entity }) => [rowKey, entity]));
  return refused.map((refusal) => {
    const limit = refusal.reason === 'full' ? rules[entityOf.get(refusal.rowKey) ?? '']?.maxPending : undefined;
    return limit === undefined ? refusal : { ...refusal, limit };
  });
}

function noteMarks(
  marks: Map<RowKey, StagedMark>,
  call: StageCall,
  { sequence, since }: Extract<StageAnswer, { readonly status: 'staged' }>,
): void {
  const before = sequence - call.changes.length;
  call.changes.forEach(({ rowKey }, index) => marks.set(rowKey, { rowKey, sequence: before + index + 1, since }));
}

function unreachable(changes: number): SpillwayError {
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `The staging store could not be reached in time, so none of the ${changes} changes was staged. Try again when it is back`,
  );
}
