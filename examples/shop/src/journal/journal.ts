import { closeSync, openSync, writeSync } from 'node:fs';
import { OptimisticLockError } from '@mikro-orm/core';
import type { Change } from './change.js';
import { done, intended, type Draft } from './draft.js';

/** One line of a journal. */
export type JournalLine =
  | { readonly flush: number; readonly intended: readonly Change[] }
  | { readonly flush: number; readonly acknowledged: readonly Change[] }
  | { readonly flush: number; readonly refused: true };

/**
 * The promises to one process, in a file of its own: a line before each flush and one after it. A line is handed to
 * the kernel before the call returns, so it outlives a `kill -9`; a flush that has only its first line is in doubt.
 */
export class Journal implements Disposable {
  readonly #file: number;
  #flushes = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** Runs `flush` between its two lines. A stale version is a refusal; after any other error the flush is in doubt. */
  async record(drafts: readonly Draft[], flush: () => Promise<unknown>): Promise<void> {
    this.#flushes += 1;
    const number = this.#flushes;
    this.#write({ flush: number, intended: drafts.map(intended) });
    try {
      await flush();
    } catch (error) {
      if (error instanceof OptimisticLockError) this.#write({ flush: number, refused: true });
      throw error;
    }
    this.#write({ flush: number, acknowledged: drafts.map(done) });
  }

  #write(line: JournalLine): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
