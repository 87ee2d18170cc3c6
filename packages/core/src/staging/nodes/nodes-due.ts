import type { RowKey } from '../../change/row-key.js';
import type { DrainState, DueRecords, DueScope, EmptyScope, ShardWait, TableScope, Watermark } from '../look-side.js';
import type { UnwellServer } from '../staging-store.js';
import type { Nodes } from './nodes.js';
import { union } from './nodes.js';
import { sameTrouble } from './same-trouble.js';

/**
 * Due records on several servers. Where one is away, `next` answers for the others: a worker flushes their shards.
 */
export class NodesDue implements DueRecords {
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  async next(): Promise<readonly ShardWait[]> {
    const { all, map } = this.#nodes;
    const looks = await Promise.allSettled(all.map(async (node) => node.ask(async ({ due }) => due.next())));
    const next = Array.from<ShardWait>({ length: map.shards });
    const failures: UnwellServer[] = [];
    for (const [place, { shards }] of all.entries()) {
      const look = looks[place];
      if (look?.status === 'rejected') failures.push({ shards, error: asError(look.reason) });
      else for (const shard of shards) next[shard] = look?.value[shard];
    }
    for (const { shards, error } of sameTrouble(failures)) for (const shard of shards) next[shard] = error;
    const failed = looks.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected' && looks.every(({ status }) => status === 'rejected')) throw failed.reason;
    return next;
  }

  /** One that says yes is enough. */
  async any(scope: TableScope): Promise<boolean> {
    const looks = await Promise.allSettled(
      this.#nodes.all.map(async (node) => node.ask(async ({ due }) => due.any(scope))),
    );
    if (looks.some((look) => look.status === 'fulfilled' && look.value)) return true;
    for (const look of looks) if (look.status === 'rejected') throw look.reason;
    return false;
  }

  async make(scope: DueScope, onHeld?: () => void): Promise<ReadonlyMap<number, Watermark>> {
    if (scope.kind !== 'rows') return inOrder(await this.#nodes.everywhere(async ({ due }) => due.make(scope, onHeld)));
    return inOrder(
      await this.#nodes.splitRows(scope.keys, async ({ due }, keys) => due.make({ kind: 'rows', keys }, onHeld)),
    );
  }

  async endPauses(): Promise<void> {
    await this.#nodes.everywhere(async ({ due }) => due.endPauses());
  }

  async pending(watermarks: ReadonlyMap<number, Watermark>): Promise<ReadonlyMap<number, DrainState>> {
    return inOrder(
      await this.#nodes.split(
        watermarks,
        ([shard]) => shard,
        async ({ due }, own) => due.pending(new Map(own)),
      ),
    );
  }

  async rows(scope: EmptyScope, shards: Iterable<number>, which?: 'made-due' | 'pending'): Promise<readonly RowKey[]> {
    const found = await this.#nodes.split(
      shards,
      (shard) => shard,
      async ({ due }, own) => due.rows(scope, own, which),
    );
    return found.flat();
  }
}

/** By shard, as one server answers. */
function inOrder<T>(maps: readonly ReadonlyMap<number, T>[]): ReadonlyMap<number, T> {
  return maps.length === 1 ? union(maps) : new Map([...union(maps)].toSorted(([one], [other]) => one - other));
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
