import { tableText } from '../../change/row-key.js';
import type { TablePause } from '../change-sink.js';
import type { Table } from '../table.js';
import type { TableFault } from './apply/table-fault.js';
import { asLongAgainMs } from './back-off.js';

/** A pause that lasts is reported again after this. */
const TELL_AGAIN_MS = 30_000;
/** The pause of a table that this process does not know. */
const OF_STRANGERS_MS = 1_000;
/** A pause ends when its records should have been tried again, and no new fault was noted since. */
const GRACE_MS = 1_000;

interface Pause {
  readonly sinceMs: number;
  lastMs: number;
  lengthMs: number;
  times: number;
  toldMs: number | undefined;
  fault: TableFault | undefined;
}

/**
 * A fault of a table as it is reported: how many batches have met it since the pause began, and whether a report is
 * due.
 */
export interface ToldFault extends TableFault {
  readonly times: number;
  readonly isNews: boolean;
}

/**
 * The tables that this process could not write lately. Records wait as long as their table has failed so far: short at
 * first, then doubling, up to the policy's longest delay. A fault that lasts a moment therefore costs another moment,
 * however many changes have met it.
 */
export class TablePauses {
  readonly #pauses = new Map<string, Pause>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * How long records wait that have just met a fault of the table.
   * @param isOfRows many of its rows are refused: the longest delay, from the first time on
   */
  lengthMs({ schema, name, retry }: Table, isOfRows: boolean): number {
    const now = this.#now();
    const pause = this.#of({ schema, table: name, isOfRows }, now);
    pause.lengthMs = isOfRows ? retry.maxDelayMs : asLongAgainMs(retry, now - pause.sinceMs);
    return pause.lengthMs;
  }

  /** Notes a fault that a batch has met. */
  note(fault: TableFault): ToldFault {
    const now = this.#now();
    const pause = this.#of(fault, now);
    pause.lastMs = now;
    pause.times += 1;
    pause.fault = fault;
    const isNews = pause.toldMs === undefined || now - pause.toldMs >= TELL_AGAIN_MS;
    if (isNews) pause.toldMs = now;
    return { ...fault, times: pause.times, isNews };
  }

  /** The pauses that last, as far as is known. */
  get current(): readonly TablePause[] {
    const now = this.#now();
    for (const [name, pause] of this.#pauses) if (isOver(pause, now)) this.#pauses.delete(name);
    return [...this.#pauses.values()].flatMap(({ fault }) => fault ?? []);
  }

  #of({ schema, table, isOfRows = false }: Pick<TableFault, 'schema' | 'table' | 'isOfRows'>, now: number): Pause {
    const name = `${tableText({ schema, table })}${isOfRows ? ' rows' : ''}`;
    const known = this.#pauses.get(name);
    if (known !== undefined && !isOver(known, now)) return known;
    const begun: Pause = {
      sinceMs: now,
      lastMs: now,
      lengthMs: OF_STRANGERS_MS,
      times: 0,
      toldMs: undefined,
      fault: undefined,
    };
    this.#pauses.set(name, begun);
    return begun;
  }
}

function isOver({ lastMs, lengthMs }: Pause, now: number): boolean {
  return now - lastMs > 2 * lengthMs + GRACE_MS;
}
