import { randomBytes } from 'node:crypto';
import type { Change, VersionText } from '../change/change.js';
import { type RowKey, shardOf } from '../change/row-key.js';
import { strictest, type Tier } from '../policy/durability.js';
import { SpillwayError, textOf } from '../errors.js';
import { CallSender, deliveryOf, endOf, type SenderOptions, type UnitEnd, UnitSender } from './senders.js';
import type { RulesByEntity } from './entity-rules.js';
import { Groups } from './groups.js';
import { HoldSender } from './hold-sender.js';
import { LateAnswers } from './late-answers.js';
import { type Phase, phasesOf } from './phases.js';
import type { StagedMark } from './look-side.js';
import type { Delivery, LostUnit, ShortUnit, StageResult } from './stage-result.js';
import { CutOff, heldShort, isPassing, SentInVain } from './staging-errors.js';
import type { HoldCall, Refusal, StageUnit } from './stage-side.js';
import type { StagingStore } from './staging-store.js';

const NOTHING: StageResult = { staged: new Map(), marks: new Map(), refused: [], unknown: [], dropped: [] };

const NOT_SENT: Delivery = { status: 'dropped' };

/** Under what a transaction holds changes; the same in every shard. */
export type HoldId = Pick<HoldCall, 'id' | 'transaction' | 'standing'>;

/**
 * Stages the changes of a unit of work. On one server they are accepted or refused together, by one call, which may
 * carry other units of work too. Where they are on several servers, all are asked first whether they would accept; what
 * one has accepted then stays accepted, though another one refuses in the end. No child is staged before its parent.
 */
export class Stager {
  readonly #store: StagingStore;
  readonly #calls: CallSender;
  readonly #units: UnitSender;
  readonly #holds: HoldSender;
  /** Tier -> server -> its groups. */
  readonly #groups = new Map<Tier, Map<number, Groups>>();
  /** Unique to this process and object; a counter makes ids of it without asking for random bytes every time. */
  readonly #idPrefix = randomBytes(12).toString('base64url');
  readonly #late: LateAnswers;
  #ids = 0;

  constructor(store: StagingStore, options: SenderOptions) {
    this.#store = store;
    this.#calls = new CallSender(store, options.stageTimeoutMs);
    this.#units = new UnitSender(options);
    this.#holds = new HoldSender(store.held, this.#calls, this.#units);
    this.#late = new LateAnswers(this.#calls);
  }

  /**
   * A store that cannot be reached at all is an error; whatever was staged, refused or left open is an answer.
   *
   * @param signal ends waits until the changes are sent, and keeps them from being sent. From then on it is told what
   * became of them, so that they are never staged in part for its sake
   * @param tier where all changes have to be, whatever the rules say
   * @throws SpillwayError `STAGING_UNAVAILABLE`, or what else the store says of itself: nothing was staged
   * @throws the signal's reason: nothing was staged
   */
  async stageAll(
    changes: readonly Change[],
    rules: RulesByEntity,
    signal?: AbortSignal,
    tier: Tier = tierOf(changes, rules),
  ): Promise<StageResult> {
    signal?.throwIfAborted();
    const phases = this.#phasesOf(changes);
    const units = phases.flat();
    if (units.length > 1) {
      const refused = await this.#check(units, rules, tier, signal);
      if (refused.length > 0) return { ...NOTHING, refused: withLimits(refused, changes, rules) };
    }
    const deliveries = await this.#sendInPhases(phases, rules, tier, units.length === 1 ? signal : undefined);
    refuseCutOff(units, deliveries);
    const [first] = deliveries;
    if (deliveries.every(({ status }) => status === 'dropped' || status === 'refused')) signal?.throwIfAborted();
    if (first?.status === 'dropped' && deliveries.every((delivery) => delivery.status === 'dropped')) {
      if (deliveries.some((delivery) => delivery.status === 'dropped' && delivery.wasSent))
        throw new SentInVain(unreachable(changes.length), first.cause);
      throw first.cause ?? unreachable(changes.length);
    }
    const result = this.#collect(units, deliveries);
    return { ...result, refused: withLimits(result.refused, changes, rules) };
  }

  /**
   * Holds the changes of a transaction that has not ended: all of them, in all shards, or none. What has to be undone
   * for that, or is not known to have arrived, stands under an id that the transaction must not commit.
   *
   * @throws SpillwayError `STAGING_UNAVAILABLE`, `DURABILITY_NOT_REACHED`, or what else the store says of itself:
   * nothing is held
   */
  async holdAll(
    changes: readonly Change[],
    rules: RulesByEntity,
    hold: HoldId,
    tier: Tier = tierOf(changes, rules),
  ): Promise<StageResult> {
    const byShard = Map.groupBy(changes, (change) => shardOf(change.rowKey, this.#store.shards));
    const calls = [...byShard].map(([shard, ofShard]): HoldCall => ({ shard, changes: ofShard, rules, tier, ...hold }));
    const deliveries = await Promise.all(calls.map(async (call) => this.#holds.hold(call, rules)));
    refuseCutOff(calls, deliveries, 'without');
    const result = collect(calls, deliveries);
    const isHeld = result.refused.length + result.unknown.length + result.dropped.length === 0;
    if (isHeld && result.short === undefined) return result;
    // Whoever does not answer keeps a hold that will be dropped when the transaction has ended, since it has not
    // committed it.
    await Promise.all(calls.map(async ({ shard, id }) => this.#store.held.drop(shard, [id]).catch(() => undefined)));
    if (isHeld && result.short) throw heldShort(result.short[0]?.said ?? '');
    const failed = deliveries.find((delivery) => delivery.status === 'dropped');
    if (result.refused.length === 0) throw failed?.cause ?? unreachable(changes.length);
    return { ...NOTHING, refused: result.refused };
  }

  /** Finds out what became of units, and makes sure that what has not run never will. */
  async findOut(units: readonly LostUnit[]): Promise<StageResult> {
    const deliveries = await Promise.all(units.map(async (unit) => this.#foundOut(unit)));
    refuseCutOff(units, deliveries, 'without');
    return this.#collect(units, deliveries);
  }

  /**
   * Waits once more until these units have reached their tier. Stages nothing.
   *
   * @returns those that have not; `lost`: those that the store does not have any more
   */
  async waitAgain(units: readonly ShortUnit[]): Promise<{ short: readonly ShortUnit[]; lost: readonly ShortUnit[] }> {
    const ends = await Promise.all(units.map(async ({ group }) => this.#calls.fence(group)));
    const stillShort = units.flatMap((unit, at): ShortUnit[] => {
      const end = ends[at];
      if (end?.status === 'judged') return end.shortfall === undefined ? [] : [{ ...unit, said: end.shortfall }];
      return end?.status === 'voided' ? [] : [{ ...unit, said: 'the staging store has not answered' }];
    });
    return { short: stillShort, lost: units.filter((_, at) => ends[at]?.status === 'voided') };
  }

  /** Sends nothing again, and asks no longer what became of groups that were not answered. */
  close(): void {
    this.#calls.close();
    this.#units.close();
    this.#late.close();
  }

  async #foundOut(unit: LostUnit): Promise<Delivery> {
    const { group, place } = unit;
    const end = endOf(await this.#late.answer(group), group, place);
    return deliveryOf(end.status === 'unknown' ? { ...end, lost: unit } : end);
  }

  #collect(units: readonly StageUnit[], deliveries: readonly Delivery[]): StageResult {
    const result = collect(units, deliveries);
    for (const { group } of result.unknown) this.#late.seek(group);
    return result;
  }

  /**
   * Asks all servers whether they would accept. Waits for room as staging would.
   *
   * @returns the refusals
   */
  async #check(
    units: readonly StageUnit[],
    rules: RulesByEntity,
    tier: Tier,
    signal?: AbortSignal,
  ): Promise<StageResult['refused']> {
    const ask = async (unit: StageUnit): Promise<UnitEnd> => {
      try {
        return await this.#store.check(unit, rules, tier);
      } catch (error) {
        // A check never runs late.
        return { status: 'not-run', error: error as Error };
      }
    };
    const checks = await Promise.all(units.map(async (unit) => this.#units.send(unit, rules, () => ask(unit), signal)));
    signal?.throwIfAborted();
    const refused = checks.flatMap((check) => (check.status === 'refused' ? check.refusals : []));
    const failed = checks.find((check) => check.status === 'dropped');
    if (refused.length > 0 || failed === undefined) return refused;
    const { cause } = failed;
    const changes = units.reduce((sum, unit) => sum + unit.changes.length, 0);
    throw cause === undefined || isPassing(cause) ? unreachable(changes, cause) : cause;
  }

  /** What comes behind a phase that is not staged as a whole is not sent. */
  async #sendInPhases(
    phases: readonly Phase[],
    rules: RulesByEntity,
    tier: Tier,
    signal?: AbortSignal,
  ): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = [];
    for (const units of phases) {
      const isWhole = deliveries.every(({ status }) => status === 'staged');
      const ofPhase = isWhole ? await this.#send(units, rules, tier, signal) : units.map(() => NOT_SENT);
      for (const delivery of ofPhase) deliveries.push(delivery);
    }
    return deliveries;
  }

  async #send(
    units: readonly StageUnit[],
    rules: RulesByEntity,
    tier: Tier,
    signal?: AbortSignal,
  ): Promise<readonly Delivery[]> {
    return Promise.all(
      units.map(async (unit) => {
        const groups = this.#groupsOf(unit, tier);
        return this.#units.send(unit, rules, async (untilMs) => groups.add(unit, rules, untilMs, signal), signal);
      }),
    );
  }

  /** The groups of the server on which the shards of a unit are. */
  #groupsOf({ changes }: StageUnit, tier: Tier): Groups {
    const server = changes[0] === undefined ? 0 : this.#serverOf(changes[0]);
    let ofTier = this.#groups.get(tier);
    if (ofTier === undefined) {
      ofTier = new Map();
      this.#groups.set(tier, ofTier);
    }
    let groups = ofTier.get(server);
    if (groups === undefined) {
      groups = new Groups(this.#store, this.#calls, () => `${this.#idPrefix}${(this.#ids += 1).toString(36)}`, tier);
      ofTier.set(server, groups);
    }
    return groups;
  }

  /** Changes whose shards are on one server go together. */
  #phasesOf(changes: readonly Change[]): readonly Phase[] {
    if (changes.length < 2) return changes.length === 0 ? [] : [[{ changes }]];
    const [first, ...others] = changes.map((change) => this.#serverOf(change));
    if (others.every((server) => server === first)) return [[{ changes }]];
    return phasesOf(changes, (change) => this.#serverOf(change));
  }

  #serverOf({ rowKey }: Change): number {
    return this.#store.serverOf(shardOf(rowKey, this.#store.shards));
  }
}

/** The least tier that is as good as the policy of each change asks. */
function tierOf(changes: readonly Change[], rules: RulesByEntity): Tier {
  let tier: Tier = 'primary';
  for (const { entity } of changes) {
    const asked = rules[entity]?.durability;
    if (asked !== undefined && asked !== tier) tier = strictest(tier, asked);
  }
  return tier;
}

/** Joins what became of several units. */
function collect(units: readonly StageUnit[], deliveries: readonly Delivery[]): StageResult {
  const staged = new Map<RowKey, VersionText | undefined>();
  const marks = new Map<RowKey, StagedMark>();
  const refused: Refusal[] = [];
  const unknown: LostUnit[] = [];
  const dropped: StageUnit[] = [];
  const short: ShortUnit[] = [];
  deliveries.forEach((delivery, index) => {
    const unit = units[index] as StageUnit;
    if (delivery.status === 'staged') {
      noteVersions(staged, unit, delivery.versions);
      for (const mark of delivery.marks) marks.set(mark.rowKey, mark);
      if (delivery.short) short.push(delivery.short);
    } else if (delivery.status === 'refused') for (const refusal of delivery.refusals) refused.push(refusal);
    else if (delivery.status === 'unknown') unknown.push(delivery.lost);
    else dropped.push(unit);
  });
  return { staged, marks, refused, unknown, dropped, ...(short.length > 0 && { short }) };
}

/** The store tells only the versions that differ from what was asked for. */
function noteVersions(
  staged: Map<RowKey, VersionText | undefined>,
  unit: StageUnit,
  versions: ReadonlyMap<RowKey, VersionText>,
): void {
  for (const { rowKey, version } of unit.changes)
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

/**
 * A call that our own end has cut off cannot be asked for again before the next beginning.
 *
 * @param result whether the error says what became of the rest
 */
function refuseCutOff(
  units: readonly StageUnit[],
  deliveries: readonly Delivery[],
  result: 'with' | 'without' = 'with',
): void {
  for (const delivery of deliveries) {
    if (delivery.status !== 'unknown' || delivery.cause === undefined) continue;
    throw new CutOff('the staging store', delivery.cause, result === 'with' ? collect(units, deliveries) : undefined);
  }
}

/** @param cause of one of several servers, which it names */
function unreachable(changes: number, cause?: Error): SpillwayError {
  const why = cause === undefined ? '' : ` (${textOf(cause)})`;
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `The staging store could not be reached in time, so none of the ${changes} changes was staged${why}. Try again when it is back`,
    { cause },
  );
}
