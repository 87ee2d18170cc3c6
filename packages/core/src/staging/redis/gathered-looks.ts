import { randomBytes } from 'node:crypto';
import { nextTick } from 'node:process';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import type { TableName } from '../../change/table-name.js';
import { TICKET_MS, type CacheAnswer } from '../row-cache.js';
import type { RedisConnection } from './connection.js';
import { callsOf, groupsOf, type LookGroup, type LookUp } from './look-groups.js';
import { readLook } from './look-replies.js';
import { ROWS_PER_CALL } from './parts-of.js';
import type { ShardScripts } from './shard-scripts.js';

interface Waiting extends PromiseWithResolvers<ReadonlyMap<RowKey, CacheAnswer>> {
  readonly lookUp: LookUp;
}

/**
 * Sends the look-ups of one turn of the process as one call, over all their shards. A look-up that comes later joins
 * the next call, because the answer of a call that has left may be older than the question.
 */
export class GatheredLooks {
  readonly #scripts: ShardScripts;
  readonly #connection: RedisConnection;
  readonly #generationBytes: number;
  readonly #tickets = randomBytes(9).toString('base64url');
  #calls = 0;
  #waiting: Waiting[] = [];

  constructor(scripts: ShardScripts, connection: RedisConnection, generationBytes: number) {
    this.#scripts = scripts;
    this.#connection = connection;
    this.#generationBytes = generationBytes;
  }

  async look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>> {
    const waiting: Waiting = { lookUp: { table, keys, found: new Map() }, ...Promise.withResolvers() };
    // Callers that wait for one reply of Redis go on in one turn. The next tick comes behind all of them.
    if (this.#waiting.push(waiting) === 1) nextTick(() => void this.#leave());
    return waiting.promise;
  }

  async #leave(): Promise<void> {
    const left = this.#waiting;
    this.#waiting = [];
    const failures = new Map<LookUp, unknown>();
    const groups = groupsOf(
      left.map(({ lookUp }) => lookUp),
      this.#scripts.shards,
    );
    await Promise.all(callsOf(groups, ROWS_PER_CALL).map(async (call) => this.#send(call, failures)));
    for (const { lookUp, resolve, reject } of left) {
      if (failures.has(lookUp)) reject(failures.get(lookUp));
      else resolve(lookUp.found);
    }
  }

  /** Never rejects. A group that Redis refuses, for example because a key is damaged, fails its own callers alone. */
  async #send(call: readonly LookGroup[], failures: Map<LookUp, unknown>): Promise<void> {
    try {
      await this.#ask(call);
    } catch (error) {
      if (call.length > 1 && isAnswer(error)) {
        await Promise.all(call.map(async (group) => this.#send([group], failures)));
        return;
      }
      for (const { rows } of call) for (const { of } of rows) failures.set(of, error);
    }
  }

  async #ask(call: readonly LookGroup[]): Promise<void> {
    const run = await this.#connection.serverRun();
    // If the server does not tell its run, it may have fallen back unnoticed.
    if (run === undefined) return;
    this.#calls += 1;
    const ticket = this.#tickets + this.#calls.toString(36);
    const args: (string | number)[] = [run, ticket, TICKET_MS, this.#generationBytes];
    for (const { table, rows } of call) {
      args.push(table, rows.length);
      for (const { key } of rows) args.push(key);
    }
    const shards = call.map(({ shard }) => shard);
    readLook(await this.#scripts.runOnGroups('cacheLook', shards, args), call, ticket);
  }
}

/** True if Redis has answered, and would answer the rest of the call. */
function isAnswer(error: unknown): boolean {
  return !(error instanceof SpillwayError) || error.code === 'CONFIG_INVALID';
}
