import { beginningOfRowKeys, type RowKey, shardOf } from '../../change/row-key.js';
import type { DrainState, DueRecords, DueScope, EmptyScope, TableScope, Watermark } from '../look-side.js';
import { partsOf } from './parts-of.js';
import { rowKey, text } from './connection.js';
import { MOST_SHARDS } from './gathered-acts.js';
import type { ShardScripts } from './shard-scripts.js';

/** Most rows that one call of the script looks at, so that no drain keeps Redis busy for long. */
const ROWS_PER_CALL = 2_000;

/** The script's word for a shard that has nothing to flush. */
const NEVER = -1;

/**
 * The watermark of a shard that the server has lost, or never had. Its flush adopts it, and reports the loss: else a
 * drain would say that everything is written.
 */
const UNKNOWN: Watermark = { sequence: 0, putOff: 0 };

/** Scores below this are marks of drains. */
const FIRST_TIME = 1e12;

/** What marking a shard has shown. Without a watermark nothing of the scope is pending. */
interface Marked {
  readonly watermark?: Watermark;
  readonly isHeld: boolean;
}

export class RedisDue implements DueRecords {
  readonly #scripts: ShardScripts;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
  }

  async next(): Promise<readonly (number | undefined)[]> {
    const next = Array.from<number | undefined>({ length: this.#scripts.shards });
    for (const [shard, wait] of await this.#waits()) next[shard] = wait < 0 ? undefined : wait;
    return next;
  }

  /** Shard -> what the script says of it. */
  async #waits(): Promise<readonly (readonly [number, number])[]> {
    const [, ...waits] = await this.#scripts.runOnAll('dueNext');
    return this.#scripts.own.map((shard, at) => [shard, Number(waits[at])]);
  }

  async any(scope: TableScope): Promise<boolean> {
    return (await this.#holding(scope)).length > 0;
  }

  async make(scope: DueScope, onHeld?: () => void): Promise<ReadonlyMap<number, Watermark>> {
    const watermarks = new Map<number, Watermark>();
    const mark = async (shard: number, names: readonly string[]): Promise<void> => {
      const { watermark, isHeld } = await this.#mark(shard, scope, names);
      if (isHeld) onHeld?.();
      if (watermark !== undefined) watermarks.set(shard, watermark);
    };
    if (scope.kind === 'rows')
      await Promise.all([...this.#byShard(scope.keys)].map(async ([shard, keys]) => mark(shard, keys)));
    else await Promise.all((await this.#shardsOf(scope, onHeld)).map(async (shard) => mark(shard, beginnings(scope))));
    return watermarks;
  }

  async endPauses(): Promise<void> {
    const shards = await this.#shardsOf({ kind: 'all' });
    await Promise.all(shards.map(async (shard) => this.#mark(shard, { kind: 'all' }, [], 'anyhow')));
  }

  /**
   * Where a drain may have something to mark. Few shards are all marked in one call. Of many, one call finds those that
   * are worth it. A drain of everything asks the records themselves, for it may be the last look before a migration. A
   * drain of tables asks the counts by entity.
   */
  async #shardsOf(scope: EmptyScope, onHeld?: () => void): Promise<readonly number[]> {
    if (this.#scripts.own.length <= MOST_SHARDS) return this.#scripts.own;
    if (scope.kind === 'tables') return this.#holding(scope);
    // A look when shards are due tells nothing of what is held.
    onHeld?.();
    return (await this.#waits()).flatMap(([shard, wait]) => (wait === NEVER ? [] : [shard]));
  }

  async pending(watermarks: ReadonlyMap<number, Watermark>): Promise<ReadonlyMap<number, DrainState>> {
    const pending = new Map<number, DrainState>();
    await Promise.all(
      [...watermarks].map(async ([shard, { sequence, putOff }]) => {
        const [kind, times] = await this.#scripts.act('duePending', { shard, shared: [], own: [sequence] });
        if (text(kind) === 'pending') pending.set(shard, 'untried');
        else if (text(kind) === 'nothing' && Number(text(times)) !== putOff) pending.set(shard, 'put-off');
      }),
    );
    return pending;
  }

  async rows(
    scope: EmptyScope,
    shards: Iterable<number>,
    which: 'made-due' | 'pending' = 'made-due',
  ): Promise<readonly RowKey[]> {
    const found = await Promise.all(
      [...shards].map(async (shard) => {
        const reply = await this.#scripts.run('dueRows', shard, [which, scope.kind, ...beginnings(scope)]);
        return text(reply[0]) === 'rows' ? reply.slice(1).map(rowKey) : [];
      }),
    );
    return [...new Set(found.flat())];
  }

  /** The shards that have a pending change which may be of the scope: one call for all shards. */
  async #holding({ others = [] }: TableScope): Promise<readonly number[]> {
    const [, ...shards] = await this.#scripts.runOnAll('dueHolding', others);
    return shards.map((place) => this.#scripts.own[Number(place)] ?? 0);
  }

  /**
   * Marks a shard's waiting rows, or the named rows, in parts. All parts get the mark of the first.
   * @param how `anyhow`: also what keeps its pause
   */
  async #mark(shard: number, scope: DueScope, names: readonly string[], how?: 'anyhow'): Promise<Marked> {
    const { kind } = scope;
    const named = kind === 'rows' ? partsOf(names) : [[]];
    const wanted = kind === 'rows' ? [] : names;
    const others = (kind === 'tables' && scope.others) || [];
    const shared = [ROWS_PER_CALL, how ?? kind, wanted.length, ...wanted, others.length, ...others];
    let mark = '';
    let after = '';
    let isHeld = false;
    let putOff: number | undefined;
    let from = String(FIRST_TIME);
    let isPending = false;
    let isPaused = false;
    let parts = 0;
    let isLast = false;
    do {
      const part = named[Math.min(parts, named.length - 1)] ?? [];
      parts += 1;
      const own = [mark, from, ...part];
      const reply = await this.#scripts.act('dueMake', { shard, shared, own, share: part.length / ROWS_PER_CALL });
      if (text(reply[0]) === 'uninitialised') return { isHeld, ...(kind !== 'rows' && { watermark: UNKNOWN }) };
      mark = text(reply[1]);
      isPending ||= reply[2] === 1;
      isPaused ||= reply[5] === 1;
      from = text(reply[3]);
      putOff ??= Number(text(reply[4]));
      isHeld ||= reply[6] === 1;
      after = text(reply[7]);
      // Between two parts a row may become due earlier than the place of the look. So several parts need one more look.
      if (kind !== 'rows' && from === '' && parts > 1 && !isLast) {
        isLast = true;
        from = String(FIRST_TIME);
      }
    } while (from !== '' || parts < named.length);
    if (!isPending && !isPaused) return { isHeld };
    const watermark: Watermark = {
      sequence: Number(mark),
      putOff,
      // A batch may have been claimed between two parts.
      ...(parts === 1 && after !== '' && { after }),
      ...(isPaused && { paused: isPending ? 'some' : 'all' }),
    };
    return { watermark, isHeld };
  }

  #byShard(keys: readonly RowKey[]): ReadonlyMap<number, RowKey[]> {
    return Map.groupBy(keys, (key) => shardOf(key, this.#scripts.shards));
  }
}

/** How the row keys of the tables begin. */
export function beginnings(scope: DueScope): readonly string[] {
  if (scope.kind !== 'tables') return [];
  return scope.tables.map(beginningOfRowKeys);
}
