import { decodeFirst, decodeRecord, UnreadableRecord } from '../../change/record-codec.js';
import { emptyRecord, type StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { counterOverflow, letterOfLeft, letterUnreadable } from '../staging-errors.js';
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
      for (const letter of letters)
        if ((entity === undefined || letter.record.entity === entity) && (code === undefined || letter.code === code))
          wanted.push(letter);
    }
    return wanted.slice(offset, offset + limit);
  }

  async get({ shard, id }: DeadLetterId): Promise<DeadLetter | undefined> {
    return letterById(this.#scripts, shard, id);
  }

  async retry(letter: DeadLetterId, options?: { readonly force?: boolean }): Promise<'staged' | 'newer' | 'absent'> {
    const reply = await this.#scripts.run('retry', letter.shard, [letter.id, options?.force === true ? 'force' : '']);
    const status = text(reply[0]);
    if (status === 'overflow') throw counterOverflow(text(reply[1]) as RowKey);
    if (status === 'unreadable') throw letterUnreadable(letter);
    if (status === 'left') throw letterOfLeft((await this.get(letter))?.record.entity ?? '', text(reply[1]) as RowKey);
    return status === 'staged' || status === 'newer' ? status : 'absent';
  }

  async discard(letter: DeadLetterId): Promise<boolean> {
    return (await this.#scripts.command('HDEL', letter.shard, 'dead', [letter.id])) === 1;
  }

  /** Newest first. */
  async #ids(shard: number): Promise<readonly DeadLetterId[]> {
    const ids = (await this.#scripts.command('HKEYS', shard, 'dead')) as readonly Buffer[];
    return ids
      .map(String)
      .toSorted((left, right) => numberOf(right) - numberOf(left))
      .map((id) => ({ shard, id }));
  }

  async #all(ids: readonly DeadLetterId[]): Promise<readonly DeadLetter[]> {
    const letters = await Promise.all(ids.map(async ({ shard, id }) => letterById(this.#scripts, shard, id)));
    return letters.filter((letter) => letter !== undefined);
  }
}

/** Something else than Spillway may have put a letter there under any name. */
function numberOf(id: string): number {
  const number = Number(id);
  return Number.isFinite(number) ? number : -1;
}

export async function letterById(scripts: ShardScripts, shard: number, id: string): Promise<DeadLetter | undefined> {
  const bytes = (await scripts.command('HGET', shard, 'dead', [id])) as Buffer | null;
  return bytes === null ? undefined : letterOf(shard, id, bytes);
}

/** All letters of a shard, part by part, so that none of its commands holds Redis up. One that comes or goes meanwhile may be missed. */
export async function* lettersOf(scripts: ShardScripts, shard: number): AsyncGenerator<DeadLetter> {
  let cursor = '0';
  do {
    const reply = await scripts.command('HSCAN', shard, 'dead', [cursor, 'COUNT', LETTERS_PER_LOOK]);
    const [next, found] = reply as [Buffer, Buffer[]];
    for (let index = 0; index + 1 < found.length; index += 2)
      yield letterOf(shard, text(found[index]), found[index + 1] as Buffer);
    cursor = text(next);
  } while (cursor !== '0');
}

function letterOf(shard: number, id: string, bytes: Buffer): DeadLetter {
  const heading = headingOf(bytes);
  if (heading === undefined) return unreadableLetter(shard, id);
  const { parts, rest } = heading;
  const [rowKey, code, reason, token, atMs, message] = parts;
  return {
    shard,
    id,
    rowKey: rowKey as RowKey,
    code: textOr(code, 'UNREADABLE'),
    reason: textOr(reason, ''),
    ...(typeof message === 'string' && { message }),
    token: textOr(token, ''),
    atMs: typeof atMs === 'number' ? atMs : 0,
    record: recordOrNothing(rest),
  };
}

/** The heading of a letter that can be read: at least its row must be known, for a script as well (`letter.lua`). */
function headingOf(bytes: Buffer): { readonly parts: readonly unknown[]; readonly rest: Buffer } | undefined {
  try {
    const { value, rest } = decodeFirst(bytes);
    return Array.isArray(value) && typeof value[0] === 'string' ? { parts: value, rest } : undefined;
  } catch (error) {
    if (error instanceof UnreadableRecord) return undefined;
    throw error;
  }
}

/** It is shown, so that somebody can discard it: one that nobody can read must not hide the others. */
function unreadableLetter(shard: number, id: string): DeadLetter {
  return {
    shard,
    id,
    rowKey: '' as RowKey,
    code: 'UNREADABLE',
    reason: 'The dead letter itself cannot be read: something else than Spillway has written it. Discard it',
    token: '',
    atMs: 0,
    record: emptyRecord(),
  };
}

function textOr(part: unknown, otherwise: string): string {
  return typeof part === 'string' ? part : otherwise;
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
