import { SpillwayError } from '../../errors.js';
import { encodeOutcomes } from '../../change/record-codec.js';
import type { BatchOutcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { leavingShards, type EveryShard } from '../leave-shards.js';
import { remembersCallsMs, type StagingLimits } from '../limits.js';
import type { GroupAnswer, HeldChanges, StagedPolicies, StageGroup, StageUnit, UnitAnswer } from '../stage-side.js';
import type { Batch, Claim, ClaimRequest, Extension, ExtendRequest, EmptyReport, ParkReport } from '../flush-side.js';
import type { ChainSeen, DueRecords, EmptyScope, Pending, Settlement, StagedMark } from '../look-side.js';
import type { DeadLetterStore } from '../dead-letter-store.js';
import { LOOKED_AT, type ShardDepth } from '../shard-depth.js';
import type { StagingStats, StagingStore, UnwellServer } from '../staging-store.js';
import type { Tier } from '../../policy/durability.js';
import { text } from './connection.js';
import { RedisDeadLetters } from './dead-letters.js';
import type { DurableScripts } from './durability/durable-scripts.js';
import type { RowCache } from '../row-cache.js';
import { GatheredPeeks } from './gathered-peeks.js';
import { RedisHeld } from './redis-held.js';
import { RedisRowCache } from './redis-row-cache.js';
import { beginnings, RedisDue } from './redis-due.js';
import { inPartsOf } from './parts-of.js';
import { addStats, depthIn } from './redis-stats.js';
import { encodeKnownRows } from './known-rows.js';
import { GroupScripts } from './group-scripts.js';
import { batch, extension } from './replies.js';
import type { ShardScripts } from './shard-scripts.js';
import type { Keeping } from './server-checks.js';
import { serverText } from './server-kind.js';
import { settledMarks } from './settled-marks.js';
import type { ServerLink } from './server-link.js';

const DOUBT = 'Redis or the database has forgotten something: whether this was written is not known';

/** Most rows that are moved, or end, in one call, but for those of a shard that has more. */
const ROWS_OF_BATCHES = 500;

/** The last writes of rows, in two generations. */
const RECENT = ['recent', 'recent:old'] as const;

/** Staging on one Redis server: one script per act, each atomic. */
export class RedisStaging implements StagingStore {
  readonly shards: number;
  readonly remembersCallsMs: number;
  readonly held: HeldChanges;
  readonly due: DueRecords;
  readonly policies: StagedPolicies;
  readonly deadLetters: DeadLetterStore;
  /** How the server keeps its data, as the check at the opening found. */
  readonly keeping: Keeping;
  readonly #scripts: ShardScripts;
  readonly #groups: GroupScripts;
  readonly #connection: ServerLink;
  readonly #limits: StagingLimits;
  readonly #cache: RedisRowCache;
  readonly #peeks: GatheredPeeks;
  readonly #letters: RedisDeadLetters;
  readonly #durable: DurableScripts | undefined;

  /** @param durable what waits for replicas, or for the disk. Absent: nothing does */
  constructor(
    connection: ServerLink,
    scripts: ShardScripts,
    limits: StagingLimits,
    keeping: Keeping,
    durable?: DurableScripts,
  ) {
    this.#durable = durable;
    this.shards = scripts.shards;
    this.due = new RedisDue(scripts);
    this.policies = leavingShards(this.leaveShards);
    this.#letters = new RedisDeadLetters(scripts, limits);
    this.deadLetters = this.#letters;
    this.#groups = new GroupScripts(scripts, limits);
    this.held = new RedisHeld(scripts, this.#groups, this.#letters, limits, durable);
    this.#cache = new RedisRowCache(scripts, connection, limits.cacheBytes);
    this.#peeks = new GatheredPeeks(scripts);
    this.keeping = keeping;
    this.#scripts = scripts;
    this.#connection = connection;
    this.#limits = limits;
    this.remembersCallsMs = remembersCallsMs(limits);
  }

  get cache(): RowCache {
    return this.#cache;
  }

  async adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'> {
    const reply = await this.#scripts.run('adopt', shard, [lastToken]);
    return text(reply[0]) === 'adopted' ? 'adopted' : 'present';
  }

  /** Leaving, or looking whether an entity can be left, on each shard of this server. */
  readonly leaveShards: EveryShard = async (act, entities, quietMs) =>
    this.#scripts.everyShard(async (shard) => {
      const [, ...states] = await this.#scripts.run('leave', shard, [act, quietMs, ...entities]);
      return states.map((state) => text(state) === 'left');
    });

  /** One server has all shards. */
  serverOf(): number {
    return 0;
  }

  /** A store that was made without it refuses what it could not keep. */
  get #waiting(): DurableScripts {
    if (this.#durable) return this.#durable;
    throw new SpillwayError(
      'DURABILITY_UNSUPPORTED',
      "This staging store waits for no replica and no disk; nothing was staged. Choose durability: 'primary'",
    );
  }

  async check(unit: StageUnit, rules: StageGroup['rules'], tier: Tier = 'primary'): Promise<UnitAnswer> {
    if (tier !== 'primary') await this.#waiting.assure(tier);
    return this.#groups.check(unit, rules);
  }

  async stage(group: StageGroup): Promise<GroupAnswer> {
    const { tier = 'primary' } = group;
    if (tier === 'primary') return this.#groups.stage(group);
    return this.#waiting.groupsAt(tier).stage(group);
  }

  async fence(group: StageGroup): Promise<GroupAnswer> {
    const { tier = 'primary' } = group;
    if (tier === 'primary') return this.#groups.fence(group);
    return this.#waiting.fence(group, tier, this.#groups);
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    return this.#peeks.peek(keys);
  }

  async settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]> {
    return settledMarks(marks, this.#scripts);
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await inPartsOf(keys, this.shards, async (shard, part) => {
      await Promise.all(RECENT.map(async (key) => this.#scripts.command('HDEL', shard, key, part)));
    });
  }

  async chain(shard: number): Promise<ChainSeen | undefined> {
    const reply = await this.#scripts.command('HMGET', shard, 'chain', ['epoch', 'token', 'last']);
    const [epoch, inFlight, last] = (reply as readonly unknown[]).map((part) => (part == null ? '' : text(part)));
    return epoch ? { inFlight: inFlight ?? '', last: last ?? '' } : undefined;
  }

  async claim(shard: number, request: ClaimRequest): Promise<Claim> {
    const { token, predecessor, limit, rows = [], isAhead = false } = request;
    const shared = [limit, isAhead ? 1 : 0];
    const share = rows.length / ROWS_OF_BATCHES;
    const scripts = this.#durable?.claims ?? this.#scripts;
    const reply = await scripts.act('claim', { shard, shared, own: [token, predecessor, ...rows], share });
    const status = text(reply[0]);
    if (status === 'batch') return { status, batch: batch(shard, reply) };
    if (status === 'broken') return { status, seen: { inFlight: '', last: text(reply[1]) } };
    return { status: status === 'nothing' ? 'nothing' : 'uninitialised' };
  }

  async isAsClaimed(shard: number, { token, attempts, records, unreadable }: Batch): Promise<boolean> {
    const own = [token, attempts, records.size + unreadable.size];
    const reply = await this.#scripts.act('claimed', { shard, shared: [], own });
    return text(reply[0]) === 'same';
  }

  async extend(shard: number, { token, attempts, outcomes, rows }: ExtendRequest): Promise<Extension | undefined> {
    const { limits } = this.#letters;
    const parts = [token, attempts, encodeOutcomes(outcomes), ...limits, ...rows];
    const scripts = this.#durable?.claims ?? this.#scripts;
    const reply = await scripts.run('extend', shard, parts);
    if (text(reply[0]) !== 'extended') return undefined;
    this.#letters.tell(shard, reply[2]);
    return extension(reply);
  }

  async acknowledge(
    shard: number,
    token: string,
    outcomes: BatchOutcome,
    rows: readonly RowKey[],
    records?: ReadonlyMap<RowKey, StagedRecord>,
  ): Promise<boolean> {
    const { rememberMs, rememberRows } = this.#limits;
    const reply = await this.#scripts.act('acknowledge', {
      shard,
      shared: [rememberMs, rememberRows, ...this.#letters.limits, this.#cache.generationBytes],
      own: [token, encodeOutcomes(outcomes), ...(records ? [encodeKnownRows(records, outcomes, rows.length)] : [])],
      share: rows.length / ROWS_OF_BATCHES,
    });
    if (text(reply[0]) === 'done') {
      this.#letters.tell(shard, reply[1]);
      return true;
    }
    await this.#cache.dropIn(shard, rows);
    return false;
  }

  async park(
    shard: number,
    seen: ChainSeen,
    lastToken: string,
    onLoss: 'park' | 'apply',
  ): Promise<ParkReport | 'moved'> {
    const chain = [seen.inFlight, seen.last, lastToken, onLoss];
    const reply = await this.#scripts.run('park', shard, [...chain, DOUBT, ...this.#letters.limits]);
    if (text(reply[0]) !== 'parked') return 'moved';
    this.#letters.tell(shard, reply[3]);
    return { parked: Number(reply[1]), doubtful: Number(reply[2]) };
  }

  async empty(shard: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport> {
    const reply = await this.#scripts.run('empty', shard, [lastToken, scope.kind, ...beginnings(scope)]);
    return { records: Number(reply[1] ?? 0), dead: Number(reply[2] ?? 0) };
  }

  /** A command that needs room, and changes nothing. */
  async probe(): Promise<readonly UnwellServer[]> {
    await this.#scripts.command('ZADD', this.#scripts.own[0] ?? 0, 'due', ['XX', 0, 'nothing']);
    return [];
  }

  async depths(): Promise<readonly ShardDepth[]> {
    const { server } = this.#connection;
    const depths = await this.#scripts.everyShard(async (shard) =>
      depthIn(await this.#scripts.run('depth', shard, [LOOKED_AT]), shard, server),
    );
    return depths.filter((depth) => depth !== undefined);
  }

  async stats(): Promise<StagingStats> {
    const [kind, shards] = await Promise.all([
      this.#connection.serverKind(),
      this.#scripts.everyShard(async (shard) => this.#scripts.run('stats', shard)),
    ]);
    return { ...addStats(shards), servers: [serverText(kind, this.#connection.server)] };
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#durable?.close()]);
  }
}
