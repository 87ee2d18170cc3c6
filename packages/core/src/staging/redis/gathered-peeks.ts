import type { RowKey } from '../../change/row-key.js';
import type { Pending } from '../look-side.js';
import { GatheredCalls, type Fail } from './gathered-calls.js';
import type { RowGroup } from './look-groups.js';
import { flightIn, pendingIn } from './replies.js';
import type { Reply } from './connection.js';
import type { ShardScripts } from './shard-scripts.js';

/** What stands for a shard before its rows, and for each row. */
const OF_SHARD = 2;
const OF_ROW = 4;

/** Looks at what is pending. Those of one turn are one call. */
export class GatheredPeeks {
  readonly #scripts: ShardScripts;
  readonly #calls: GatheredCalls<Pending>;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
    this.#calls = new GatheredCalls(scripts.shards, async (call, fail) => this.#ask(call, fail));
  }

  async peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    return this.#calls.of(keys);
  }

  async #ask(call: readonly RowGroup<Pending>[], fail: Fail<Pending>): Promise<void> {
    const args = call.flatMap(({ rows }) => [rows.length, ...rows.map(({ key }) => key)]);
    const shards = call.map(({ shard }) => shard);
    read(await this.#scripts.runOnGroups('peek', shards, args), call, fail);
  }
}

function read(reply: Reply, call: readonly RowGroup<Pending>[], fail: Fail<Pending>): void {
  let at = 1;
  for (const { rows } of call) {
    const flight = flightIn(reply[at], reply[at + 1]);
    at += OF_SHARD;
    for (const { key, of } of rows) {
      const [dirty, inFlight, recent, held] = reply.slice(at, at + OF_ROW) as (Buffer | null)[];
      at += OF_ROW;
      try {
        const pending = pendingIn(key, { dirty, inFlight, recent, held }, flight);
        if (pending) of.found.set(key, pending);
      } catch (error) {
        fail(of, error);
      }
    }
  }
}
