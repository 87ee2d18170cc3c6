import type { RowKey } from '../../change/row-key.js';
import type { HeldChanges, Hold, HoldCall, UnitAnswer } from '../stage-side.js';
import type { Nodes } from './nodes.js';

/** Holds on several servers. */
export class NodesHeld implements HeldChanges {
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  async hold(call: HoldCall): Promise<UnitAnswer | { readonly status: 'voided' }> {
    return this.#nodes.ask(call.shard, async ({ held }) => held.hold(call));
  }

  async stage(shard: number, holds: ReadonlyMap<string, readonly RowKey[]>): Promise<readonly RowKey[]> {
    return this.#nodes.ask(shard, async ({ held }) => held.stage(shard, holds));
  }

  async drop(shard: number, ids: readonly string[]): Promise<number> {
    return this.#nodes.ask(shard, async ({ held }) => held.drop(shard, ids));
  }

  async list(shards?: readonly number[]): Promise<readonly Hold[]> {
    if (!shards) return (await this.#nodes.everywhere(async ({ held }) => held.list())).flat();
    const found = await this.#nodes.split(
      shards,
      (shard) => shard,
      async ({ held }, own) => held.list(own),
    );
    return found.flat();
  }
}
