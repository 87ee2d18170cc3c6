import { type HeldLayer, layerAsStaged } from '../../change/held-layer.js';
import { settledByVersion, type StagedRecord } from '../../change/record.js';
import { HIDDEN, isHiddenBy } from '../../change/settle-record.js';
import { mergeRecords } from '../../change/merge-records.js';
import type { RowKey } from '../../change/row-key.js';
import type { HeldChanges, Hold, HoldCall, StageRules, UnitAnswer } from '../stage-side.js';
import { DOUBT } from './end-batch.js';
import { notePolicies } from './memory-policies.js';
import type { MemoryShard } from './memory-shard.js';
import type { Remembered } from './remembered.js';
import { refuseTier } from './refuse-tier.js';
import { dueTime, planStage } from './stage-changes.js';

/** Changes of transactions that have not ended, beside the shards' other maps. */
export class MemoryHeld implements HeldChanges {
  readonly #shards: ReadonlyMap<number, MemoryShard>;
  readonly #remembered: Remembered;
  readonly #now: () => number;
  readonly #trim: (shard: MemoryShard) => void;
  readonly #dropCopy: (rowKey: RowKey) => void;

  /**
   * @param trim called after holds are staged, which may bury records that cannot be staged
   * @param dropCopy called for rows that a transaction has written itself
   */
  constructor(
    shards: ReadonlyMap<number, MemoryShard>,
    remembered: Remembered,
    now: () => number,
    trim: (shard: MemoryShard) => void,
    dropCopy: (rowKey: RowKey) => void,
  ) {
    this.#shards = shards;
    this.#remembered = remembered;
    this.#now = now;
    this.#trim = trim;
    this.#dropCopy = dropCopy;
  }

  async hold(call: HoldCall): Promise<UnitAnswer | { readonly status: 'voided' }> {
    refuseTier(call.tier);
    const seen = this.#remembered.get(call.shard, call.id);
    if (seen !== undefined) return seen.status === 'voided' ? seen : (seen.units[0] as UnitAnswer);
    const shard = this.#shards.get(call.shard);
    if (shard === undefined) return { status: 'uninitialised', shards: [call.shard] };
    forgetFallen(shard, call);
    const nowMs = this.#now();
    const plan = planStage(shard, call, nowMs, call.transaction);
    if (plan.refusals.length > 0) return { status: 'refused', refusals: plan.refusals };
    call.changes.forEach(({ rowKey }, index) => {
      const record = plan.records[index];
      const layer = record && { id: call.id, transaction: call.transaction, record };
      if (layer) shard.setLayers(rowKey, [...shard.layersOf(rowKey), layer]);
    });
    notePolicies(shard, call, nowMs);
    const { transaction, rules } = call;
    shard.holds.set(call.id, { transaction, rules, rows: [...plan.rows.keys()], atMs: nowMs });
    const { sequence, since } = shard;
    const marks = call.changes.map(({ rowKey }, index) => ({ rowKey, sequence: sequence + index + 1, since }));
    const answer: UnitAnswer = { status: 'staged', versions: plan.versions, marks };
    this.#remembered.set(call.shard, call.id, { status: 'judged', units: [answer] });
    this.#remembered.age(call.shard);
    return answer;
  }

  async stage(shardNumber: number, holds: ReadonlyMap<string, readonly RowKey[]>): Promise<readonly RowKey[]> {
    const shard = this.#shards.get(shardNumber);
    if (shard === undefined) return [];
    const nowMs = this.#now();
    const known = knownOf(shard, [...holds.keys()]);
    const staged = new Set<RowKey>();
    for (const [rowKey, layers] of takeLayers(shard, known)) {
      for (const { id, record } of layers) {
        if (holds.get(id)?.includes(rowKey)) continue;
        shard.sequence += 1;
        stageLayer(shard, rowKey, record, shard.holds.get(id)?.rules[record.entity], nowMs);
        staged.add(rowKey);
      }
    }
    for (const id of known) for (const rowKey of holds.get(id) ?? []) this.#dropCopy(rowKey);
    for (const id of known) shard.holds.delete(id);
    this.#trim(shard);
    return [...staged];
  }

  async drop(shardNumber: number, ids: readonly string[]): Promise<number> {
    const shard = this.#shards.get(shardNumber);
    if (shard === undefined) return 0;
    const known = knownOf(shard, ids);
    takeLayers(shard, known);
    for (const id of known) shard.holds.delete(id);
    return known.size;
  }

  async list(shards?: readonly number[]): Promise<readonly Hold[]> {
    const nowMs = this.#now();
    const asked = [...this.#shards].filter(([shard]) => shards?.includes(shard) !== false);
    return asked.flatMap(([shard, { holds }]) =>
      [...holds].map(([id, { transaction, atMs }]) => ({ shard, id, transaction, ageMs: Math.max(0, nowMs - atMs) })),
    );
  }
}

function knownOf(shard: MemoryShard, ids: readonly string[]): ReadonlySet<string> {
  return new Set(ids.filter((id) => shard.holds.has(id)));
}

/** Takes the layers of these holds off their rows, and answers them. */
function takeLayers(shard: MemoryShard, ids: ReadonlySet<string>): ReadonlyMap<RowKey, readonly HeldLayer[]> {
  const taken = new Map<RowKey, readonly HeldLayer[]>();
  const rows = new Set([...ids].flatMap((id) => shard.holds.get(id)?.rows ?? []));
  for (const rowKey of [...rows].toSorted()) {
    const { mine = [], others = [] } = Object.groupBy(shard.layersOf(rowKey), ({ id }) =>
      ids.has(id) ? 'mine' : 'others',
    );
    taken.set(rowKey, mine);
    shard.setLayers(rowKey, others);
  }
  return taken;
}

/**
 * Drops the transaction's layers that do not stand. New changes must not lie on a hold that was rolled back with a
 * savepoint, or that the transaction knows nothing of.
 */
function forgetFallen(shard: MemoryShard, { changes, transaction, standing }: HoldCall): void {
  for (const { rowKey } of changes) {
    const stands = ({ id, transaction: owner }: HeldLayer): boolean => owner !== transaction || standing.includes(id);
    shard.setLayers(rowKey, shard.layersOf(rowKey).filter(stands));
  }
}

function stageLayer(
  shard: MemoryShard,
  rowKey: RowKey,
  held: StagedRecord,
  rules: StageRules | undefined,
  nowMs: number,
): void {
  const { dirty: beneath, inFlight } = shard.row(rowKey);
  const isHidden = beneath !== undefined && isHiddenBy(beneath, held);
  if (isHidden) shard.bury({ code: 'CONFLICT', reason: HIDDEN, rowKey, token: '', atMs: nowMs, record: beneath });
  const dirty = isHidden ? undefined : beneath;
  const record = layerAsStaged(held, { dirty, inFlight }, shard.sequence, nowMs);
  const bury = (code: string, reason: string): void =>
    shard.bury({ code, reason, rowKey, token: '', atMs: nowMs, record });
  if (record.doubtful && !settledByVersion(record)) return bury('STAGING_LOSS', DOUBT);
  const merged = dirty === undefined ? record : mergeRecords(dirty, record);
  if (merged === undefined)
    return bury('COUNTER_OVERFLOW', 'The differences add up to more than a 64-bit number holds');
  shard.putDirty(rowKey, merged, dueTime(shard.due.get(rowKey), merged, rules, nowMs));
}
