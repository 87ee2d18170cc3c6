import { encodePlain, encodeUnit } from '../../change/record-codec.js';
import type { RowKey } from '../../change/row-key.js';
import { shardOf } from '../../change/row-key.js';
import type { StagingLimits } from '../limits.js';
import type { GroupAnswer, StageGroup, StageUnit, UnitAnswer } from '../stage-side.js';
import { groupAnswer, type AnswerShards } from './group-reply.js';
import type { Reply } from './replies.js';
import { encodeRules } from './rules.js';
import type { ShardScripts } from './shard-scripts.js';

/** Sends groups of units of work to one server, and reads its answers. */
export class GroupScripts {
  readonly #scripts: ShardScripts;
  readonly #limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>;
  readonly #answers: AnswerShards;
  readonly #shardOf = (rowKey: RowKey): number => shardOf(rowKey, this.#scripts.shards);

  constructor(scripts: ShardScripts, limits: Pick<StagingLimits, 'seenMs' | 'seenCalls'>) {
    this.#scripts = scripts;
    this.#limits = limits;
    this.#answers = {
      shardOf: this.#shardOf,
      damaged: (shard, key) => scripts.damaged(shard, key),
      unexpected: (said) => scripts.unexpected(said),
    };
  }

  async stage(group: StageGroup): Promise<GroupAnswer> {
    return this.#run('stage', group);
  }

  async check(unit: StageUnit, rules: StageGroup['rules']): Promise<UnitAnswer> {
    const answer = await this.#run('check', { id: '', units: [unit], rules });
    if (answer.status === 'voided') throw this.#scripts.damaged(this.#shardsOf([unit])[0] ?? 0, 'seen');
    return answer.units[0] as UnitAnswer;
  }

  async fence(group: StageGroup): Promise<GroupAnswer> {
    const shards = this.#shardsOf(group.units);
    const reply = await this.#scripts.run('fence', shards[0] ?? 0, [group.id]);
    return this.answerIn(reply, group, shards);
  }

  /** @throws SpillwayError if what is remembered of the group cannot be read: nobody knows whether it has run */
  answerIn(reply: Reply, group: Pick<StageGroup, 'units'>, shards: readonly number[]): GroupAnswer {
    if (String(reply[0]) === 'voided') return { status: 'voided' };
    const answer = groupAnswer(reply[1], group, shards, this.#answers);
    if (answer === undefined) throw this.#scripts.damaged(shards[0] ?? 0, 'seen');
    return answer;
  }

  async #run(mode: 'check' | 'stage', group: StageGroup): Promise<GroupAnswer> {
    const { id, units, rules } = group;
    const { seenMs, seenCalls } = this.#limits;
    const shards = this.#shardsOf(units);
    const reply = await this.#scripts.runOn('stage', shards, [
      mode,
      id,
      seenMs,
      seenCalls,
      encodePlain(shards),
      encodeRules(rules, entitiesOf(units)),
      ...units.map(({ changes }) => encodeUnit(changes, this.#shardOf)),
    ]);
    return this.answerIn(reply, group, shards);
  }

  /** The lowest comes first: it remembers the answer. */
  #shardsOf(units: readonly StageUnit[]): readonly number[] {
    const shards = new Set<number>();
    for (const { changes } of units) for (const { rowKey } of changes) shards.add(this.#shardOf(rowKey));
    return [...shards].toSorted((left, right) => left - right);
  }
}

export function entitiesOf(units: readonly StageUnit[]): ReadonlySet<string> {
  const entities = new Set<string>();
  for (const { changes } of units) for (const { entity } of changes) entities.add(entity);
  return entities;
}
