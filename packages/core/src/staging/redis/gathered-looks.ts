import { randomBytes } from 'node:crypto';
import { type RowKey, type TableName, tableText } from '../../change/row-key.js';
import { TICKET_MS, type CacheAnswer } from '../row-cache.js';
import { GatheredCalls } from './gathered-calls.js';
import type { RowGroup } from './look-groups.js';
import { readLook } from './look-replies.js';
import type { ShardScripts } from './shard-scripts.js';
import type { ServerLink } from './server-link.js';

/** Look-ups of more rows leave in two calls. */
const ROWS_OF_ONE_CALL = 48;

/** Look-ups of copies. Those of one turn are one call. */
export class GatheredLooks {
  readonly #scripts: ShardScripts;
  readonly #connection: ServerLink;
  readonly #generationBytes: number;
  readonly #tickets = randomBytes(9).toString('base64url');
  readonly #calls: GatheredCalls<CacheAnswer>;
  #sent = 0;

  constructor(scripts: ShardScripts, connection: ServerLink, generationBytes: number) {
    this.#scripts = scripts;
    this.#connection = connection;
    this.#generationBytes = generationBytes;
    this.#calls = new GatheredCalls(scripts.shards, async (call) => this.#ask(call), ROWS_OF_ONE_CALL);
  }

  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    return this.#calls.of(keys, tableText(table));
  }

  async #ask(call: readonly RowGroup<CacheAnswer>[]): Promise<void> {
    const run = await this.#connection.serverRun();
    // If the server does not tell its run, it may have fallen back unnoticed.
    if (run === undefined) return;
    this.#sent += 1;
    const ticket = this.#tickets + this.#sent.toString(36);
    const args: (string | number)[] = [run, ticket, TICKET_MS, this.#generationBytes];
    for (const { table, rows } of call) {
      args.push(table, rows.length);
      for (const { key } of rows) args.push(key);
    }
    const shards = call.map(({ shard }) => shard);
    readLook(await this.#scripts.runOnGroups('cacheLook', shards, args), call, ticket);
  }
}
