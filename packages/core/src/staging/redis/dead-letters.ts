import { decodeFirst, decodeRecord, UnreadableRecord } from '../../change/record-codec.js';
import { emptyRecord, type StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { counterOverflow, letterOfLeft } from '../staging-errors.js';
import type { DeadLetter, DeadLetterId, DeadLetterPage, DeadLetterStore } from '../staging-store.js';
import { text } from './replies.js';
import type { ShardScripts } from './shard-scripts.js';

/** Letters that are read at a time. */
const LETTERS_PER_LOOK = 100;

/** Dead letters of all shards: a hash per shard, number of the letter -> heading and record. */
export class RedisDeadLetters implements DeadLetterStore {
  readonly #scripts: ShardScripts;

  constructor(scripts: ShardScripts) {
    this.#scripts = scripts;
  }

  async list(page: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const { offset = 0, limit = 100, entity, code } = page;
    const perShard = await this.#scripts.everyShard(async (shard) => this.#ids(shard));
    const ids = perShard.flat();
    if (entity === undefined && code === undefined) return this.#all(ids.slice(offset, offset + limit));
    const wanted: DeadLetter[] = [];
    for (let from = 0; from < ids.length && wanted.length < offset + limit; from += LETTERS_PER_LOOK) {
      const letters = await this.#all(ids.slice(from, from + LETTERS_PER_LOOK));
      wanted.push(
        ...letters.filter(
          (letter) =>
            (entity === undefined || letter.record.entity === entity) && (code === undefined || letter.code === code),
        ),
      );
    }
    return wanted.slice(offset, offset + limit);
  }

  async get({ shard, id }: DeadLetterId): Promise<DeadLetter | undefined> {
    return letterById(this.#scripts, shard, id);
  }

  async retry(letter: DeadLetterId, options?: { readonly force?: boolean }): Promise<'staged' | 'newer' | 'absent'> {
    const reply = await this.#scripts.run('retry', letter.shard, letter.id, options?.force === true ? 'force' : '');
    const status = text(reply[0]);
    if (status === 'overflow') throw counterOverflow(text(reply[1]) as RowKey);
    if (status === 'left') throw letterOfLeft((await this.get(letter))?.record.entity ?? '', text(reply[1]) as RowKey);
    return status === 'staged' || status === 'newer' ? status : 'absent';
  }

  async discard(letter: DeadLetterId): Promise<boolean> {
    return (await this.#scripts.command('HDEL', letter.shard, 'dead', letter.id)) === 1;
  }

  /** Newest first. */
  async #ids(shard: number): Promise<readonly DeadLetterId[]> {
    const ids = (await this.#scripts.command('HKEYS', shard, 'dead')) as readonly Buffer[];
    return ids
      .map(String)
      .toSorted((left, right) => Number(right) - Number(left))
      .map((id) => ({ shard, id }));
  }

  async #all(ids: readonly DeadLetterId[]): Promise<readonly DeadLetter[]> {
    const letters = await Promise.all(ids.map(async ({ shard, id }) => letterById(this.#scripts, shard, id)));
    return letters.filter((letter) => letter !== undefined);
  }
}

export async function letterById(scripts: ShardScripts, shard: number, id: string): Promise<DeadLetter | undefined> {
  const bytes = (await scripts.command('HGET', shard, 'dead', id)) as Buffer | null;
  return bytes === null ? undefined : letterOf(shard, id, bytes);
}

/** All letters of a shard, part by part, so that none of its commands holds Redis up. One that comes or goes meanwhile may be missed. */
export async function* lettersOf(scripts: ShardScripts, shard: number): AsyncGenerator<DeadLetter> {
  let cursor = '0';
  do {
    const reply = await scripts.command('HSCAN', shard, 'dead', cursor, 'COUNT', LETTERS_PER_LOOK);
    const [next, found] = reply as [Buffer, Buffer[]];
    for (let index = 0; index + 1 < found.length; index += 2)
      yield letterOf(shard, text(found[index]), found[index + 1] as Buffer);
    cursor = text(next);
  } while (cursor !== '0');
}

function letterOf(shard: number, id: string, bytes: Buffer): DeadLetter {
  const { value, rest } = decodeFirst(bytes);
  const [rowKey, code, reason, token, atMs] = value as [RowKey, string, string, string, number];
  return { shard, id, rowKey, code, reason, token, atMs, record: recordOrNothing(rest) };
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
