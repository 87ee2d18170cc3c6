import { decodeFirst, decodeRecord, UnreadableRecord } from '../../change/record-codec.js';
import { emptyRecord, type StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { counterOverflow } from '../staging-errors.js';
import type { DeadLetter, DeadLetterStore } from '../staging-store.js';
import { text } from './replies.js';
import type { ShardScripts } from './shard-scripts.js';

/** Dead letters of all shards: a hash per shard, number of the letter -> heading and record. */
export class RedisDeadLetters implements DeadLetterStore {
  readonly #scripts: ShardScripts;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
  }

  async list(page: { readonly offset?: number; readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    const offset = page.offset ?? 0;
    const perShard = await this.#scripts.everyShard(async (shard) => this.#ids(shard));
    const wanted = perShard.flat().slice(offset, offset + (page.limit ?? 100));
    const letters = await Promise.all(wanted.map(async ({ shard, id }) => this.#get(shard, id)));
    return letters.filter((letter) => letter !== undefined);
  }

  async retry(
    letter: { readonly shard: number; readonly id: string },
    options?: { readonly force?: boolean },
  ): Promise<'staged' | 'newer' | 'absent'> {
    const reply = await this.#scripts.run('retry', letter.shard, letter.id, options?.force === true ? 'force' : '');
    const status = text(reply[0]);
    if (status === 'overflow') throw counterOverflow(text(reply[1]) as RowKey);
    return status === 'staged' || status === 'newer' ? status : 'absent';
  }

  async discard(letter: { readonly shard: number; readonly id: string }): Promise<boolean> {
    return (await this.#scripts.command('HDEL', letter.shard, 'dead', letter.id)) === 1;
  }

  /** Newest first. */
  async #ids(shard: number): Promise<readonly { readonly shard: number; readonly id: string }[]> {
    const ids = (await this.#scripts.command('HKEYS', shard, 'dead')) as readonly Buffer[];
    return ids
      .map(String)
      .toSorted((left, right) => Number(right) - Number(left))
      .map((id) => ({ shard, id }));
  }

  async #get(shard: number, id: string): Promise<DeadLetter | undefined> {
    const bytes = (await this.#scripts.command('HGET', shard, 'dead', id)) as Buffer | null;
    if (bytes === null) return undefined;
    const { value, rest } = decodeFirst(bytes);
    const [rowKey, code, reason, token, atMs] = value as [RowKey, string, string, string, number];
    return { shard, id, rowKey, code, reason, token, atMs, record: recordOrNothing(rest) };
  }
}

/** A letter that was parked because it cannot be read is shown without content; its bytes stay as they are. */
function recordOrNothing(bytes: Buffer): StagedRecord {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof UnreadableRecord) return emptyRecord();
    throw error;
  }
}
