import { decodeFirst, decodePlain, decodeRecord, encodePlain, UnreadableRecord } from '../../change/record-codec.js';
import { emptyRecord, type StagedRecord } from '../../change/record.js';
import { type RowKey, shardOf } from '../../change/row-key.js';
import { counterOverflow, letterOfLeft, letterUnreadable } from '../staging-errors.js';
import type {
  DeadLetter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterStore,
  DroppedLetter,
  DroppedLetters,
  LetterFilter,
  RetryWith,
} from '../dead-letter-store.js';
import { DropListeners } from '../drop-listeners.js';
import { isMeant, LETTERS_PER_PAGE, pageOf } from '../letter-pages.js';
import type { StagingLimits } from '../limits.js';
import { text } from './connection.js';
import type { ShardScripts } from './shard-scripts.js';

/** A shard with at most so many letters is asked for all their numbers at once. */
const FEW_LETTERS = 10_000;

/** Shards are asked together if they have no more letters than this. */
const LETTERS_AT_ONCE = 500;

/** Dead letters of all shards: a hash per shard, number of the letter -> heading and record. */
export class RedisDeadLetters implements DeadLetterStore {
  /** For scripts that bury: most letters of a shard, and how long one is kept (milliseconds, or 0). */
  readonly limits: readonly [number, number];
  readonly #scripts: ShardScripts;
  readonly #listeners = new DropListeners();

  constructor(scripts: ShardScripts, { keepLetters, keepLettersMs }: StagingLimits) {
    this.#scripts = scripts;
    this.limits = [keepLetters, keepLettersMs];
  }

  async list(page: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    const { offset = 0, entity, code, rowKey } = page;
    const isFiltered = entity !== undefined || code !== undefined || rowKey !== undefined;
    let passed = 0;
    const shards = (await this.#sizes(rowKey)).filter(({ size }) => {
      const isPassed = !isFiltered && passed + size <= offset;
      passed += isPassed ? size : 0;
      return !isPassed;
    });
    return pageOf(this.#pagesOf(shards, page), { ...page, offset: offset - passed });
  }

  async *pages(filter: LetterFilter): AsyncIterable<readonly DeadLetter[]> {
    yield* this.#pagesOf(await this.#sizes(filter.rowKey), filter);
  }

  async get({ shard, id }: DeadLetterId): Promise<DeadLetter | undefined> {
    return letterById(this.#scripts, shard, id);
  }

  async retry(letter: DeadLetterId, { force = false, values }: RetryWith = {}): Promise<'staged' | 'newer' | 'absent'> {
    const edited = values ? encodePlain(new Map(Object.entries(values))) : '';
    const reply = await this.#scripts.run('retry', letter.shard, [letter.id, force ? 'force' : '', edited]);
    const status = text(reply[0]);
    if (status === 'overflow') throw counterOverflow(text(reply[1]) as RowKey);
    if (status === 'unreadable') throw letterUnreadable(letter);
    if (status === 'left') throw letterOfLeft((await this.get(letter))?.record.entity ?? '', text(reply[1]) as RowKey);
    return status === 'staged' || status === 'newer' ? status : 'absent';
  }

  async discard(letter: DeadLetterId): Promise<boolean> {
    return (await this.#scripts.command('HDEL', letter.shard, 'dead', [letter.id])) === 1;
  }

  async trim(): Promise<void> {
    await this.#scripts.everyShard(async (shard) => {
      while (this.tell(shard, (await this.#scripts.run('trim', shard, this.limits))[1]));
    });
  }

  onDropped(listener: (dropped: DroppedLetters) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** @param packed the letters that a script says it has dropped. @returns `true` if there were any */
  tell(shard: number, packed: unknown): boolean {
    if (!(packed instanceof Buffer) || packed.length === 0) return false;
    this.#listeners.tell({ shard, letters: droppedIn(packed) });
    return true;
  }

  /**
   * The shards that have letters: how many, and the number of the last one.
   *
   * @param rowKey only the shard of this row is asked
   */
  async #sizes(rowKey?: RowKey): Promise<readonly LettersOfShard[]> {
    const only = rowKey === undefined ? undefined : shardOf(rowKey, this.#scripts.shards);
    const shards = await this.#scripts.everyShard(async (shard) => {
      if (only !== undefined && shard !== only) return { shard, size: 0, last: Number.NaN };
      const [size, last] = await Promise.all([
        this.#scripts.command('HLEN', shard, 'dead', []),
        this.#scripts.command('HGET', shard, 'chain', ['letters']),
      ]);
      return { shard, size: Number(size), last: last === null ? Number.NaN : Number(text(last)) };
    });
    return shards.filter(({ size }) => size > 0);
  }

  async *#pagesOf(
    shards: readonly LettersOfShard[],
    filter: LetterFilter,
  ): AsyncGenerator<readonly DeadLetter[], void, undefined> {
    for (const some of withFewTogether(shards)) {
      if (some.length === 1) yield* this.#pagesOfShard(some[0] as LettersOfShard, filter);
      // Shards with few letters are asked together: a filter may pass by thousands of them.
      else yield* (await Promise.all(some.map(async (of) => listed(this.#pagesOfShard(of, filter))))).flat();
    }
  }

  async *#pagesOfShard(
    of: LettersOfShard,
    filter: LetterFilter,
  ): AsyncGenerator<readonly DeadLetter[], void, undefined> {
    for await (const ids of this.#ids(of)) {
      const found = (await this.#scripts.command('HMGET', of.shard, 'dead', ids)) as readonly (Buffer | null)[];
      const letters = found.flatMap((bytes, index) =>
        bytes === null ? [] : [letterOf(of.shard, ids[index] ?? '', bytes)],
      );
      yield letters.filter((letter) => isMeant(letter, filter));
    }
  }

  /**
   * The numbers of a shard's letters, the newest first, in parts. If there are many, the numbers that may exist are
   * counted down from the last one, and Redis is not asked for them. This misses letters under a name that is no
   * number; Spillway never writes such a letter.
   */
  async *#ids({ shard, size, last }: LettersOfShard): AsyncGenerator<readonly string[], void, undefined> {
    if (size > FEW_LETTERS && Number.isSafeInteger(last)) {
      for (let id = last; id > 0; id -= LETTERS_PER_PAGE)
        yield Array.from({ length: Math.min(id, LETTERS_PER_PAGE) }, (_, index) => String(id - index));
      return;
    }
    const ids = ((await this.#scripts.command('HKEYS', shard, 'dead', [])) as readonly Buffer[]).map(String);
    ids.sort((left, right) => numberOf(right) - numberOf(left));
    for (let from = 0; from < ids.length; from += LETTERS_PER_PAGE) yield ids.slice(from, from + LETTERS_PER_PAGE);
  }
}

interface LettersOfShard {
  readonly shard: number;
  readonly size: number;
  readonly last: number;
}

/** Shards that follow each other, together as long as they have few letters. */
function* withFewTogether(shards: readonly LettersOfShard[]): Generator<readonly LettersOfShard[]> {
  let together: LettersOfShard[] = [];
  let letters = 0;
  for (const of of shards) {
    const isFull = letters + of.size > LETTERS_AT_ONCE || of.size > LETTERS_PER_PAGE;
    if (isFull && together.length > 0) yield together;
    if (isFull) [together, letters] = [[], 0];
    if (of.size > LETTERS_PER_PAGE) {
      yield [of];
    } else {
      together.push(of);
      letters += of.size;
    }
  }
  if (together.length > 0) yield together;
}

async function listed<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The order of a letter. Another program may have put one there under any name: it counts as the oldest. */
function numberOf(id: string): number {
  const number = Number(id);
  return Number.isFinite(number) ? number : -1;
}

function droppedIn(packed: Buffer): readonly DroppedLetter[] {
  const letters = decodePlain(packed) as readonly (readonly [RowKey, string, string, number | bigint])[];
  return letters.map(([rowKey, entity, code, atMs]) => ({ rowKey, entity, code, atMs: Number(atMs) }));
}

export async function letterById(scripts: ShardScripts, shard: number, id: string): Promise<DeadLetter | undefined> {
  const bytes = (await scripts.command('HGET', shard, 'dead', [id])) as Buffer | null;
  return bytes === null ? undefined : letterOf(shard, id, bytes);
}

/** All letters of a shard, in parts that keep Redis busy only briefly. Misses letters that come or go meanwhile. */
export async function* lettersOf(scripts: ShardScripts, shard: number): AsyncGenerator<DeadLetter> {
  let cursor = '0';
  do {
    const reply = await scripts.command('HSCAN', shard, 'dead', [cursor, 'COUNT', LETTERS_PER_PAGE]);
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

/** The heading of a letter; `undefined`: it cannot be read. It must name the row, as in `readable.lua`. */
function headingOf(bytes: Buffer): { readonly parts: readonly unknown[]; readonly rest: Buffer } | undefined {
  try {
    const { value, rest } = decodeFirst(bytes);
    return Array.isArray(value) && typeof value[0] === 'string' ? { parts: value, rest } : undefined;
  } catch (error) {
    if (error instanceof UnreadableRecord) return undefined;
    throw error;
  }
}

/** A letter that cannot be read is listed too: an operator can discard it, and it does not hide later letters. */
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

/** A letter whose record cannot be read is shown without content; its bytes stay as they are. */
function recordOrNothing(bytes: Buffer): StagedRecord {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (error instanceof UnreadableRecord) return emptyRecord();
    throw error;
  }
}
