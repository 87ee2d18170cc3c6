import type { RowKey } from '../../change/row-key.js';
import { shardOf } from '../../change/shard.js';
import type { DueRecords, DueScope, TableScope } from '../staging-store.js';
import { text } from './replies.js';
import type { ShardScripts } from './shard-scripts.js';

/** Rows that one call of the script looks at, so that no drain holds Redis up. */
const ROWS_PER_CALL = 2_000;

/** Scores below this are marks of drains. */
const FIRST_TIME = 1e12;

export class RedisDue implements DueRecords {
  readonly #scripts: ShardScripts;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
  }

  async next(): Promise<readonly (number | undefined)[]> {
    const [, ...waits] = await this.#scripts.runOnAll('dueNext');
    return waits.map(Number).map((wait) => (wait < 0 ? undefined : wait));
  }

  async any(scope: TableScope): Promise<boolean> {
    return (await this.#holding(scope)).length > 0;
  }

  async make(scope: DueScope): Promise<ReadonlyMap<number, number>> {
    const watermarks = new Map<number, number>();
    const mark = async (shard: number, names: readonly string[]): Promise<void> => {
      const watermark = await this.#mark(shard, scope.kind, names);
      if (watermark !== undefined) watermarks.set(shard, watermark);
    };
    if (scope.kind === 'rows')
      await Promise.all([...this.#byShard(scope.keys)].map(async ([shard, keys]) => mark(shard, keys)));
    else if (scope.kind === 'all') await this.#scripts.everyShard(async (shard) => mark(shard, []));
    else await Promise.all((await this.#holding(scope)).map(async (shard) => mark(shard, beginnings(scope))));
    return watermarks;
  }

  async pending(watermarks: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const pending = new Set<number>();
    await Promise.all(
      [...watermarks].map(async ([shard, watermark]) => {
        const reply = await this.#scripts.run('duePending', shard, watermark);
        if (text(reply[0]) === 'pending') pending.add(shard);
      }),
    );
    return pending;
  }

  /** The shards in which something is pending that may be of the scope: one call, whatever their number. */
  async #holding({ others = [] }: TableScope): Promise<readonly number[]> {
    const [, ...shards] = await this.#scripts.runOnAll('dueHolding', ...others);
    return shards.map(Number);
  }

  /** Part by part, all with the mark of the first. */
  async #mark(shard: number, kind: DueScope['kind'], names: readonly string[]): Promise<number | undefined> {
    let mark = '';
    let from = String(FIRST_TIME);
    let isPending = false;
    do {
      const reply = await this.#scripts.run('dueMake', shard, mark, from, ROWS_PER_CALL, kind, ...names);
      if (text(reply[0]) === 'uninitialised') return undefined;
      mark = text(reply[1]);
      isPending ||= reply[2] === 1;
      from = text(reply[3]);
    } while (from !== '');
    return isPending ? Number(mark) : undefined;
  }

  #byShard(keys: readonly RowKey[]): ReadonlyMap<number, RowKey[]> {
    return Map.groupBy(keys, (key) => shardOf(key, this.#scripts.shards));
  }
}

/** How the row keys of the tables begin. */
export function beginnings(scope: DueScope): readonly string[] {
  if (scope.kind !== 'tables') return [];
  return scope.tables.map(({ schema, table }) => `${JSON.stringify([schema, table]).slice(0, -1)},`);
}
