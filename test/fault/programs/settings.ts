import type { FlushStep, HoldStep } from '@spillway/core/testing';
import type { Place } from './site.js';

interface ProgramSettings extends Place {
  /** The file that the program keeps its journal in. */
  readonly journal: string;
}

export interface WorkerSettings extends ProgramSettings {
  /** Dies by `kill -9` when this step of a flush has been done for the `at.time`th time. */
  readonly dieAfter?: { readonly step: FlushStep; readonly time: number };
  /** How long it may take to write what is left when it is told to end. */
  readonly stopTimeoutMs?: number;
}

export interface ApplicationSettings extends ProgramSettings {
  /** Begins the keys of its rows, which nobody else touches. */
  readonly name: string;
  readonly seed: number;
  /** Units of work at once. */
  readonly lanes: number;
  /** Whether it also writes to the database. */
  readonly worker: boolean;
  /**
   * Dies by `kill -9` around its `call`th stage call: before it is sent, or when Redis has answered and nobody has
   * heard.
   */
  readonly dieAt?: { readonly moment: 'before-stage' | 'after-stage'; readonly call: number };
}

export interface TransactorSettings extends ProgramSettings {
  /** Begins the keys of its rows, which nobody else touches; the hot pages are everybody's. */
  readonly name: string;
  readonly seed: number;
  /** Transactions at once. */
  readonly lanes: number;
  /** Ends by itself after so many transactions per lane. */
  readonly transactions?: number;
  /** Dies by `kill -9` when this step of a transaction that holds changes has been done for the `at.time`th time. */
  readonly dieAfter?: { readonly step: HoldStep; readonly time: number };
}

export interface CounterSettings extends ProgramSettings {
  readonly seed: number;
  /** How many it makes altogether. */
  readonly increments: number;
  /** Increments at once. */
  readonly lanes: number;
  /** The keys of the pages that everybody counts. */
  readonly pages: readonly string[];
  /** Pages are made where they are missing; then nothing goes through an entity, which has to be there. */
  readonly makesPages?: boolean;
}

export interface LibrarianSettings extends ProgramSettings {
  /** Rows of each type. */
  readonly rows: number;
  readonly seed: number;
  /** Look-ups and writes at once. */
  readonly lanes: number;
  /** Whether it also writes what others have staged. */
  readonly worker: boolean;
}

/**
 * What a release makes of the entity: stages it, and reads it through the cache; is turned off; writes it through; or
 * knows of no policy.
 */
export type TallyRole = 'stages' | 'off' | 'through' | 'none';

export interface TallySettings extends ProgramSettings {
  readonly role: TallyRole;
  readonly seed: number;
  /** Additions and look-ups at once. */
  readonly lanes: number;
  /** The keys of the rows that everybody adds to. */
  readonly rows: readonly string[];
}

/** A program is told its settings in its one argument. */
export function readSettings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** As if somebody had done `kill -9`: nothing of this process runs any more. */
export async function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}
