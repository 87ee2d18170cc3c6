import type { RowKey, TableName } from '../../change/row-key.js';
import type { BlockScope, CacheAnswer, CacheCopy, RowCache } from '../row-cache.js';
import { isPassing } from '../staging-errors.js';
import type { Nodes } from './nodes.js';
import { union } from './nodes.js';

/** Copies of rows on several servers, each row's beside its pending changes. */
export class NodesCache implements RowCache {
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /** Rows of a server that is away are left out: the others keep their copies, and their readers. */
  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    const byNode = Map.groupBy(keys, (key) => this.#nodes.of(this.#nodes.shardOfRow(key)));
    const found = await Promise.all(
      [...byNode].map(async ([node, own]) => node.ask(async ({ cache }) => cache.look(table, own)).catch(nothing)),
    );
    return union(found);
  }

  async keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number> {
    const taken = await this.#nodes.split(
      copies,
      ({ rowKey }) => this.#nodes.shardOfRow(rowKey),
      async ({ cache }, own) => cache.keep(table, own, ttlMs),
    );
    return taken.reduce((sum, count) => sum + count, 0);
  }

  async block(scope: BlockScope, transaction: string): Promise<void> {
    await this.#inScope(scope, async (cache, own) => cache.block(own, transaction));
  }

  async unblock(scope: BlockScope, transaction: string): Promise<void> {
    await this.#inScope(scope, async (cache, own) => cache.unblock(own, transaction));
  }

  async drop(keys: readonly RowKey[]): Promise<void> {
    await this.#nodes.splitRows(keys, async ({ cache }, own) => cache.drop(own));
  }

  async clear(): Promise<void> {
    await this.#nodes.everywhere(async ({ cache }) => cache.clear());
  }

  async #inScope(scope: BlockScope, act: (cache: RowCache, scope: BlockScope) => Promise<void>): Promise<void> {
    const { table, keys } = scope;
    if (keys === 'all') await this.#nodes.everywhere(async ({ cache }) => act(cache, scope));
    else await this.#nodes.splitRows(keys, async ({ cache }, own) => act(cache, { table, keys: own }));
  }
}

function nothing(error: unknown): ReadonlyMap<RowKey, CacheAnswer> {
  if (isPassing(error)) return new Map();
  throw error;
}
