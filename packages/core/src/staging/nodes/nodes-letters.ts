import type {
  DeadLetter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterStore,
  DroppedLetters,
  LetterFilter,
  RetryWith,
} from '../dead-letter-store.js';
import type { DropListeners } from '../drop-listeners.js';
import { pageOf } from '../letter-pages.js';
import type { RedisStaging } from '../redis/redis-staging.js';
import type { Nodes } from './nodes.js';

/** Dead letters on several servers: a list has those of one server after the other's. */
export class NodesLetters implements DeadLetterStore {
  readonly #nodes: Nodes;
  readonly #listeners: DropListeners;

  constructor(nodes: Nodes, listeners: DropListeners) {
    this.#nodes = nodes;
    this.#listeners = listeners;
  }

  async list(page: DeadLetterPage = {}): Promise<readonly DeadLetter[]> {
    return pageOf(this.pages(page), page);
  }

  async *pages({ entity, code, rowKey }: LetterFilter): AsyncIterable<readonly DeadLetter[]> {
    const filter = {
      ...(entity !== undefined && { entity }),
      ...(code !== undefined && { code }),
      ...(rowKey !== undefined && { rowKey }),
    };
    const nodes = rowKey === undefined ? this.#nodes.all : [this.#nodes.of(this.#nodes.shardOfRow(rowKey))];
    for (const node of nodes) yield* node.each(({ deadLetters }) => deadLetters.pages(filter));
  }

  async get(letter: DeadLetterId): Promise<DeadLetter | undefined> {
    return this.#of(letter, async (letters) => letters.get(letter));
  }

  async retry(letter: DeadLetterId, options?: RetryWith): Promise<'staged' | 'newer' | 'absent'> {
    return this.#of(letter, async (letters) => letters.retry(letter, options));
  }

  async discard(letter: DeadLetterId): Promise<boolean> {
    return this.#of(letter, async (letters) => letters.discard(letter));
  }

  async trim(): Promise<void> {
    await this.#nodes.everywhere(async ({ deadLetters }) => deadLetters.trim());
  }

  onDropped(listener: (dropped: DroppedLetters) => void): () => void {
    return this.#listeners.add(listener);
  }

  async #of<T>({ shard }: DeadLetterId, act: (letters: RedisStaging['deadLetters']) => Promise<T>): Promise<T> {
    return this.#nodes.ask(shard, async ({ deadLetters }) => act(deadLetters));
  }
}
