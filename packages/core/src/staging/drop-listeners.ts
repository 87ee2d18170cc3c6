import type { DroppedLetters } from './dead-letter-store.js';

/** The listeners for dead letters that an act of a store has dropped. */
export class DropListeners {
  readonly #listeners = new Set<(dropped: DroppedLetters) => void>();

  /** @returns a function that takes the listener off again */
  add(listener: (dropped: DroppedLetters) => void): () => void {
    // A function of its own: one listener given twice is called twice.
    const entry = (dropped: DroppedLetters): void => listener(dropped);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  tell(dropped: DroppedLetters): void {
    if (dropped.letters.length === 0) return;
    for (const listener of this.#listeners) listener(dropped);
  }
}
