import { SpillwayError } from '../../errors.js';
import { encodePlain, encodeUnit } from '../../change/record-codec.js';
import type { RowKey } from '../../change/row-key.js';
import type { StagingLimits } from '../limits.js';
import type { HeldChanges, Hold, HoldCall, UnitAnswer } from '../stage-side.js';
import type { DurableScripts } from './durability/durable-scripts.js';
import type { RedisDeadLetters } from './dead-letters.js';
import { encodeRules, entitiesOf, type GroupScripts } from './group-scripts.js';
import { type Reply, rowKey, text } from './connection.js';
import type { ShardScripts } from './shard-scripts.js';

/** The held changes of all shards. Each has a hash with the layers of each row, and one with the rows of each hold. */
export class RedisHeld implements HeldChanges {
  readonly #scripts: ShardScripts;
  readonly #groups: GroupScripts;
  readonly #letters: RedisDeadLetters;
  readonly #durable: Pick<DurableScripts, 'holdsAt'> | undefined;
  readonly #limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>;

  constructor(
    scripts: ShardScripts,
    groups: GroupScripts,
    letters: RedisDeadLetters,
    limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>,
    durable: Pick<DurableScripts, 'holdsAt'> | undefined,
  ) {
    this.#durable = durable;
    this.#scripts = scripts;
    this.#groups = groups;
    this.#letters = letters;
    this.#limits = limits;
  }

  get #waiting(): Pick<DurableScripts, 'holdsAt'> {
    if (this.#durable) return this.#durable;
    throw new SpillwayError(
      'DURABILITY_UNSUPPORTED',
      "This staging store waits for no replica and no disk; nothing is held. Choose durability: 'primary'",
    );
  }

  async hold(call: HoldCall): Promise<UnitAnswer | { readonly status: 'voided' }> {
    const { shard, id, transaction, standing, changes, rules, tier = 'primary' } = call;
    const scripts = tier === 'primary' ? this.#scripts : this.#waiting.holdsAt(tier);
    const reply = await scripts.run('hold', shard, [
      id,
      transaction,
      encodePlain(standing),
      encodeUnit(changes, () => shard),
      encodeRules(rules, entitiesOf([call])),
      this.#limits.seenMs,
      this.#limits.seenCalls,
    ]);
    const answer = this.#groups.answerIn(reply, { units: [call] }, [shard]);
    return answer.status === 'voided' ? answer : (answer.units[0] as UnitAnswer);
  }

  async stage(shard: number, holds: ReadonlyMap<string, readonly RowKey[]>): Promise<readonly RowKey[]> {
    const [status, , ...rows] = await this.#end(shard, 'stage', holds);
    return text(status) === 'ended' ? rows.map(rowKey) : [];
  }

  async drop(shard: number, ids: readonly string[]): Promise<number> {
    const ending = new Map(ids.map((id) => [id, []]));
    const [status, ended] = await this.#end(shard, 'drop', ending);
    return text(status) === 'ended' ? Number(ended) : 0;
  }

  async list(shards: readonly number[] = this.#scripts.own): Promise<readonly Hold[]> {
    if (shards.length === 0) return [];
    const [, ...parts] = await this.#scripts.runOn('holds', shards, []);
    const holds: Hold[] = [];
    for (let index = 0; index < parts.length; index += 4) {
      const [place, id, transaction, ageMs] = parts.slice(index, index + 4);
      const shard = shards[Number(place)] ?? 0;
      holds.push({ shard, id: text(id), transaction: text(transaction), ageMs: Number(ageMs) });
    }
    return holds;
  }

  async #end(shard: number, how: 'stage' | 'drop', holds: ReadonlyMap<string, readonly RowKey[]>): Promise<Reply> {
    const reply = await this.#scripts.run('endHolds', shard, [how, encodePlain(holds), ...this.#letters.limits]);
    const [status, ended, dropped, ...rows] = reply;
    if (text(status) === 'ended') this.#letters.tell(shard, dropped);
    return [status, ended, ...rows];
  }
}
