import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** What one unit of work does to one row. */
export type Effect =
  | { readonly kind: 'hits'; readonly id: string; readonly by: number }
  /** `text: undefined`: the item is removed. */
  | { readonly kind: 'item'; readonly id: string; readonly text: string | undefined; readonly version: number };

/**
 * `begun` before `em.flush()`, `done` after it: what has begun and is not done is in doubt once the process is dead.
 */
export type Entry =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begun'; readonly work: string; readonly effects: readonly Effect[] }
  | { readonly kind: 'done'; readonly work: string }
  | { readonly kind: 'failed'; readonly work: string; readonly error: string }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'stopped'; readonly left: number | undefined }
  /** So many increments have been acknowledged by now; in the end, what they came to for each page. */
  | { readonly kind: 'counted'; readonly increments: number; readonly sums: Readonly<Record<string, number>> }
  | Sighting
  | Tallied;

/**
 * The text of a row: as a look-up saw it, or as a write has set it. Times are nanoseconds by the one clock of the
 * machine.
 */
export type Sighting = Saw | Wrote;

export interface Saw {
  readonly kind: 'saw';
  readonly row: string;
  readonly text: string;
  /** Before the look-up. */
  readonly begun: string;
}

/** No two writes of a test set the same text. */
export interface Wrote {
  readonly kind: 'wrote';
  readonly row: string;
  readonly text: string;
  readonly begun: string;
  /** When it was acknowledged. */
  readonly done: string;
}

/**
 * An addition to a row: about to be made, acknowledged by this time, or refused for certain; or the sum that a look-up
 * saw which had begun at this time.
 */
export interface Tallied {
  readonly kind: 'adds' | 'added' | 'refused' | 'read';
  readonly row: string;
  readonly amount: number;
  readonly at: string;
}

/**
 * What a process has done, in a file. An entry is with the kernel when `write` returns, so the death of the process
 * does not take it along.
 */
export class JournalWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The entries so far. A line that is being written is left out. */
export function readJournal(path: string): Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}

/** As if what was in doubt had never begun. */
export function withoutDoubt(journal: readonly Entry[]): readonly Entry[] {
  const done = doneIn(journal);
  return journal.filter((entry) => entry.kind !== 'begun' || done.has(entry.work));
}

/** As if what was in doubt had been acknowledged. */
export function asAcknowledged(journal: readonly Entry[]): readonly Entry[] {
  return [
    ...journal,
    ...journal.flatMap((entry) => (entry.kind === 'begun' ? [{ kind: 'done' as const, work: entry.work }] : [])),
  ];
}

/** The units of work that were acknowledged. */
export function doneIn(journal: readonly Entry[]): ReadonlySet<string> {
  return new Set(journal.flatMap((entry) => (entry.kind === 'done' ? [entry.work] : [])));
}
