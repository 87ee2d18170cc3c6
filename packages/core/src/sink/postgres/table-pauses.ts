import { tableText } from '../../change/table-name.js';
import type { TablePause } from '../change-sink.js';
import type { Table } from '../table.js';
import type { TableFault } from './apply/table-fault.js';
import { asLongAgainMs } from './back-off.js';

/** A pause that goes on is told again after this. */
const TELL_AGAIN_MS = 30_000;
/** Of a table that this process does not know. */
const OF_STRANGERS_MS = 1_000;
/** A pause is over when its records should have been tried again since, and nothing has been heard of it. */
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
 * A fault of a table as it is told: how many batches have met it since the pause began, and whether it has not been
 * told lately.
 */
export interface ToldFault extends TableFault {
  readonly times: number;
  readonly isNews: boolean;
}

/**
 * The tables that could not be written lately, as this process has met it. A record is left alone for as long again
 * as its table has been in the way: short at first, and then doubling, up to the policy's longest delay. So what
 * lasts a moment costs another moment, however many changes have met it meanwhile.
 */
export class TablePauses {
  readonly #pauses = new Map<string, Pause>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * How long records of the table are left alone that have just met its fault.
   * @param isOfRows many of its rows are refused: as long as can be, from the first time on
   */
  lengthMs({ schema, name, retry }: Table, isOfRows: boolean): number {
    const now = this.#now();
    const pause = this.#of({ schema, table: name, isOfRows }, now);
    pause.lengthMs = isOfRows ? retry.maxDelayMs : asLongAgainMs(retry, now - pause.sinceMs);
    return pause.lengthMs;
  }

  /** Notes what a batch has met. */
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

  /** Those that last, as far as is known. */
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
