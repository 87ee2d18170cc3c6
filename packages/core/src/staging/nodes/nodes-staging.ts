import type { BatchOutcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type { Tier } from '../../policy/durability.js';
import type { DeadLetterStore } from '../dead-letter-store.js';
import type { Batch, Claim, ClaimRequest, EmptyReport, Extension, ExtendRequest, ParkReport } from '../flush-side.js';
import { leavingShards } from '../leave-shards.js';
import type { ChainSeen, DueRecords, EmptyScope, Pending, Settlement, StagedMark } from '../look-side.js';
import type { RowCache } from '../row-cache.js';
import type { GroupAnswer, HeldChanges, StagedPolicies, StageGroup, StageUnit, UnitAnswer } from '../stage-side.js';
import type { ShardDepth } from '../shard-depth.js';
import type { StagingStats, StagingStore, UnwellServer } from '../staging-store.js';
import { isAway, type Node } from './node.js';
import { union, type Nodes } from './nodes.js';
import { NodesCache } from './nodes-cache.js';
import { NodesDue } from './nodes-due.js';
import { NodesHeld } from './nodes-held.js';
import { sameTrouble } from './same-trouble.js';
import { sumOfStats } from './sum-of-stats.js';

/**
 * Staging on several Redis servers that know nothing of each other. Each has some shards, and is asked about no other.
 * A question about one shard, or about shards of one server, goes to that server as if it were alone.
 */
export class NodesStaging implements StagingStore {
  readonly shards: number;
  readonly remembersCallsMs: number;
  readonly held: HeldChanges;
  readonly due: DueRecords;
  readonly cache: RowCache;
  readonly policies: StagedPolicies;
  readonly deadLetters: DeadLetterStore;
  readonly #nodes: Nodes;
  readonly #closeRest: () => Promise<void>;

  /** @param closeRest ends what the nodes share */
  constructor(
    nodes: Nodes,
    deadLetters: DeadLetterStore,
    remembersCallsMs: number,
    closeRest: () => Promise<void> = async () => undefined,
  ) {
    this.shards = nodes.map.shards;
    this.remembersCallsMs = remembersCallsMs;
    this.held = new NodesHeld(nodes);
    this.due = new NodesDue(nodes);
    this.cache = new NodesCache(nodes);
    this.policies = leavingShards(async (...asked) =>
      (await nodes.everywhere(async (store) => store.leaveShards(...asked))).flat(),
    );
    this.deadLetters = deadLetters;
    this.#nodes = nodes;
    this.#closeRest = closeRest;
  }

  serverOf(shard: number): number {
    return this.#nodes.map.placeOf(shard);
  }

  async check(unit: StageUnit, rules: StageGroup['rules'], tier?: Tier): Promise<UnitAnswer> {
    return this.#of([unit]).ask(async (store) => store.check(unit, rules, tier));
  }

  async stage(group: StageGroup): Promise<GroupAnswer> {
    return this.#of(group.units).ask(async (store) => store.stage(group));
  }

  async fence(group: StageGroup): Promise<GroupAnswer> {
    return this.#of(group.units).ask(async (store) => store.fence(group));
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await this.#nodes.splitRows(keys, async (store, own) => store.forget(own));
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    return union(await this.#nodes.splitRows(keys, async (store, own) => store.peek(own)));
  }

  async settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]> {
    const settlements = new Map<StagedMark, Settlement>();
    await this.#nodes.split(
      marks,
      ({ rowKey }) => this.#nodes.shardOfRow(rowKey),
      async (store, own) => {
        const answers = await store.settled(own);
        for (const [at, mark] of own.entries()) settlements.set(mark, answers[at] ?? { status: 'lost' });
      },
    );
    return marks.map((mark) => settlements.get(mark) ?? { status: 'lost' });
  }

  async chain(shard: number): Promise<ChainSeen | undefined> {
    return this.#nodes.ask(shard, async (store) => store.chain(shard));
  }

  async adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'> {
    return this.#nodes.ask(shard, async (store) => store.adopt(shard, lastToken));
  }

  async claim(shard: number, request: ClaimRequest): Promise<Claim> {
    return this.#nodes.ask(shard, async (store) => store.claim(shard, request));
  }

  async isAsClaimed(shard: number, batch: Batch): Promise<boolean> {
    return this.#nodes.ask(shard, async (store) => store.isAsClaimed(shard, batch));
  }

  async extend(shard: number, request: ExtendRequest): Promise<Extension | undefined> {
    return this.#nodes.ask(shard, async (store) => store.extend(shard, request));
  }

  async acknowledge(
    shard: number,
    token: string,
    outcomes: BatchOutcome,
    rows: readonly RowKey[],
    records?: ReadonlyMap<RowKey, StagedRecord>,
  ): Promise<boolean> {
    return this.#nodes.ask(shard, async (store) => store.acknowledge(shard, token, outcomes, rows, records));
  }

  async park(
    shard: number,
    seen: ChainSeen,
    lastToken: string,
    onLoss: 'park' | 'apply',
  ): Promise<ParkReport | 'moved'> {
    return this.#nodes.ask(shard, async (store) => store.park(shard, seen, lastToken, onLoss));
  }

  async empty(shard: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport> {
    return this.#nodes.ask(shard, async (store) => store.empty(shard, scope, lastToken));
  }

  async probe(): Promise<readonly UnwellServer[]> {
    const { unwell } = await this.#answers(
      async (node) => node.ask(async (store) => store.probe()),
      () => true,
    );
    return unwell;
  }

  async stats(): Promise<StagingStats> {
    const { found, unwell } = await this.#answers(async (node) => node.ask(async (store) => store.stats()), isAway);
    const silentShards = unwell.flatMap(({ shards }) => shards).toSorted((one, other) => one - other);
    return { ...sumOfStats(found), ...(silentShards.length > 0 && { silentShards }) };
  }

  async depths(): Promise<readonly ShardDepth[]> {
    const { found } = await this.#answers(async (node) => node.ask(async (store) => store.depths()), isAway);
    return found.flat().toSorted((one, other) => one.shard - other.shard);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.all.map(async (node) => node.close()), this.#closeRest()]);
  }

  /** All units of a group are on one server. */
  #of(units: readonly StageUnit[]): Node {
    const first = units.find(({ changes }) => changes.length > 0)?.changes[0];
    return this.#nodes.of(first === undefined ? 0 : this.#nodes.shardOfRow(first.rowKey));
  }

  /**
   * The answers of the servers, and the servers that have failed.
   * @throws the error of the first that has failed, if it is none that may, or if all have failed
   */
  async #answers<T>(
    ask: (node: Node) => Promise<T>,
    mayFail: (error: unknown) => boolean,
  ): Promise<{ readonly found: readonly T[]; readonly unwell: readonly UnwellServer[] }> {
    const { all } = this.#nodes;
    const answers = await Promise.allSettled(all.map(ask));
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const unwell = answers.flatMap((answer, place) => {
      if (answer.status === 'fulfilled') return [];
      if (found.length === 0 || !mayFail(answer.reason)) throw answer.reason;
      return [{ shards: all[place]?.shards ?? [], error: answer.reason as Error }];
    });
    return { found, unwell: sameTrouble(unwell) };
  }
}
