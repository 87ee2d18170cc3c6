import type { Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Table } from '../../table.js';
import type { Applied } from './context.js';
import { failed, waits, type Outcomes } from './outcomes.js';
import type { TableFault } from './table-fault.js';

/** More row faults of one kind than this, and than a tenth of the batch: something is wrong with the table, or with us. */
const MANY = 20;

/** How long records of a table are left alone that cannot be written; as long as can be, if that is because many of its rows are refused. */
type PauseOfTable = (table: Table, isOfRows: boolean) => number;

/** Who is at fault in a batch, collected until it is clear whether it is the rows or their table. Pure bookkeeping. */
export class Blame {
  readonly #records: number;
  readonly #rows = new Map<Item, Fault>();
  readonly #tables = new Map<Item, Fault>();
  readonly #excused = new Set<Item>();
  /** Kinds of faults of which a table has had too many. */
  readonly #many = new Map<Table, Map<string, Fault>>();

  /** @param records how many records the batch has. */
  constructor(records: number) {
    this.#records = records;
  }

  /** These wait for their parents: not to be blamed for a missing one. */
  excuse(items: readonly Item[]): void {
    for (const item of items) this.#excused.add(item);
  }

  table(items: readonly Item[], fault: Fault): void {
    for (const item of items) this.#tables.set(item, fault);
  }

  /** One row refused on its own. Once there are too many alike to bury them, it is no longer these rows that are to blame, but whatever refuses them. */
  row(item: Item, fault: Fault): void {
    const known = this.#manyOf(item, fault);
    if (known !== undefined && !this.#excused.has(item)) {
      this.#tables.set(item, known);
      return;
    }
    this.#rows.set(item, fault);
    if (this.#excused.has(item)) return;
    const alike = this.#alike(item, fault).filter((other) => !this.#excused.has(other));
    if (alike.length <= MANY || alike.length <= this.#records / 10) return;
    const many: Fault = {
      ...fault,
      kind: 'table',
      reason: `Too many rows are refused alike to bury them: ${fault.reason}`,
    };
    this.#many.set(item.table, new Map(this.#many.get(item.table)).set(fault.sqlstate, many));
    for (const other of alike) {
      this.#rows.delete(other);
      this.#tables.set(other, many);
    }
  }

  /** Enough such rows have been found one by one; those of a part that is refused alike need not be, they can wait for another flush. */
  isEnough(item: Item, fault: Fault): boolean {
    if (!this.#excused.has(item)) return this.#manyOf(item, fault) !== undefined;
    return this.#alike(item, fault).filter((other) => this.#excused.has(other)).length > MANY;
  }

  #manyOf({ table }: Item, { sqlstate }: Fault): Fault | undefined {
    return this.#many.get(table)?.get(sqlstate);
  }

  /** Adds the outcomes of the guilty to those of the others. */
  settle(outcomes: Outcomes, pauseMs: PauseOfTable): Applied {
    for (const [item, fault] of this.#rows) {
      outcomes.set(
        item,
        this.#excused.has(item)
          ? waits(item, item.table.retry.minDelayMs, fault.reason)
          : failed(item, fault.sqlstate, fault.reason, fault.message),
      );
    }
    for (const [item, fault] of this.#tables) {
      const { table } = item;
      const isOfRows = this.#many.get(table)?.get(fault.sqlstate) === fault;
      outcomes.set(item, waits(item, pauseMs(table, isOfRows), fault.reason));
    }
    return { outcomes, tableFaults: this.#tableFaults() };
  }

  #alike({ table }: Item, { sqlstate }: Fault): Item[] {
    return [...this.#rows]
      .filter(([other, fault]) => other.table === table && fault.sqlstate === sqlstate)
      .map(([other]) => other);
  }

  #tableFaults(): TableFault[] {
    const faults = new Map<Table, TableFault>();
    for (const [{ table }, { sqlstate, reason }] of this.#tables) {
      const records = (faults.get(table)?.records ?? 0) + 1;
      faults.set(table, { schema: table.schema, table: table.name, code: sqlstate, reason, records });
    }
    return [...faults.values()];
  }
}
