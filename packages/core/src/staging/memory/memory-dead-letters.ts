import { overtaken, revive } from '../../change/retry-letter.js';
import type {
  DeadLetter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterStore,
  DroppedLetters,
  LetterFilter,
  RetryWith,
} from '../dead-letter-store.js';
import { DropListeners } from '../drop-listeners.js';
import { isMeant, LETTERS_PER_PAGE, pageOf } from '../letter-pages.js';
import { counterOverflow, letterOfLeft } from '../staging-errors.js';
import type { MemoryShard } from './memory-shard.js';

/** The dead letters of all shards. They stand in the shards' own maps, the oldest first. */
export class MemoryDeadLetters implements DeadLetterStore {
  readonly #shards: ReadonlyMap<number, MemoryShard>;
  readonly #now: () => number;
  readonly #listeners = new DropListeners();

  constructor(shards: ReadonlyMap<number, MemoryShard>, now: () => number) {
    this.#shards = shards;
    this.#now = now;
  }

  async list(page: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    return pageOf(this.pages(page), page);
  }

  async *pages(filter: LetterFilter): AsyncIterable<readonly DeadLetter[]> {
    const shards = [...this.#shards.values()].toSorted((left, right) => left.shard - right.shard);
    const ids = shards.flatMap((shard) => [...shard.dead.keys()].toReversed().map((id) => ({ shard, id })));
    for (let from = 0; from < ids.length; from += LETTERS_PER_PAGE) {
      const part = ids.slice(from, from + LETTERS_PER_PAGE).flatMap(({ shard, id }) => shard.dead.get(id) ?? []);
      yield part.filter((letter) => isMeant(letter, filter));
    }
  }

  async get({ shard, id }: DeadLetterId): Promise<DeadLetter | undefined> {
    return this.#shards.get(shard)?.dead.get(id);
  }

  async retry(which: DeadLetterId, { force = false, values }: RetryWith = {}): Promise<'staged' | 'newer' | 'absent'> {
    const shard = this.#shards.get(which.shard);
    const letter = shard?.dead.get(which.id);
    if (shard === undefined || letter === undefined) return 'absent';
    if (shard.policies.get(letter.record.entity) === 'left') throw letterOfLeft(letter.record.entity, letter.rowKey);
    const row = shard.row(letter.rowKey);
    if (!force && overtaken(letter.record, row)) return 'newer';
    const edited = values ? { ...letter.record, values: { ...letter.record.values, ...values } } : letter.record;
    const record = revive(edited, row);
    if (record === undefined) throw counterOverflow(letter.rowKey);
    shard.putDirty(letter.rowKey, record, shard.due.get(letter.rowKey) ?? { atMs: this.#now() });
    shard.unbury(which.id, letter.rowKey);
    return 'staged';
  }

  async discard({ shard, id }: DeadLetterId): Promise<boolean> {
    return this.#shards.get(shard)?.dead.delete(id) ?? false;
  }

  async trim(): Promise<void> {
    for (const shard of this.#shards.values()) this.trimShard(shard);
  }

  onDropped(listener: (dropped: DroppedLetters) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Every act that buries a record ends with it. */
  trimShard(shard: MemoryShard): void {
    this.#listeners.tell({ shard: shard.shard, letters: shard.dropLetters(this.#now()) });
  }
}
