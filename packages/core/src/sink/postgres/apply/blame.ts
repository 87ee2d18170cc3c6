import type { Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Table } from '../../table.js';
import type { Applied } from './context.js';
import { failed, waits, type Outcomes } from './outcomes.js';
import type { TableFault } from './table-fault.js';

/**
 * If more rows of a table than this, and than a tenth of the pass, are refused alike, a migration may still be to come.
 */
const MANY = 20;

/**
 * How long records wait of a table that cannot be written. `isOfRows`: many of its rows are refused, so as long as
 * possible.
 */
type PauseOfTable = (table: Table, isOfRows: boolean) => number;

/** Notes whether rows or their table are at fault. Pure bookkeeping. */
export class Blame {
  readonly #records: number;
  readonly #rows = new Map<Item, Fault>();
  readonly #tables = new Map<Item, Fault>();

  /** @param records how many records the pass has */
  constructor(records: number) {
    this.#records = records;
  }

  table(items: readonly Item[], fault: Fault): void {
    for (const item of items) this.#tables.set(item, fault);
  }

  /** One row refused on its own. */
  row(item: Item, fault: Fault): void {
    this.#rows.set(item, fault);
  }

  /**
   * Adds the outcomes of guilty rows to the others. A refusal counts as an attempt, also where many rows are refused
   * alike. Then the pause is the longest of the policy, so that a migration has the time of all attempts together.
   */
  decide(outcomes: Outcomes, pauseMs: PauseOfTable): Applied {
    const faults: TableFault[] = [];
    for (const [item, fault] of this.#tables) outcomes.set(item, waits(item, pauseMs(item.table, false), fault.reason));
    for (const alike of this.#alike()) {
      const isMany = alike.length > MANY && alike.length > this.#records / 10;
      for (const [item, { sqlstate: code, reason, message }] of alike)
        outcomes.set(item, failed(item, { code, reason, message }, isMany ? pauseMs(item.table, true) : undefined));
      if (isMany) for (const fault of manyRefused(alike)) faults.push(fault);
    }
    return { outcomes, tableFaults: [...this.#tableFaults(), ...faults] };
  }

  /** Refused rows, grouped by table and code. */
  #alike(): readonly (readonly RefusedItem[])[] {
    const groups = new Map<Table, Map<string, RefusedItem[]>>();
    for (const refusal of this.#rows) {
      const [{ table }, { sqlstate }] = refusal;
      const ofTable = groups.get(table) ?? new Map<string, RefusedItem[]>();
      groups.set(table, ofTable);
      const alike = ofTable.get(sqlstate) ?? [];
      alike.push(refusal);
      ofTable.set(sqlstate, alike);
    }
    return [...groups.values()].flatMap((ofTable) => [...ofTable.values()]);
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

type RefusedItem = readonly [Item, Fault];

/** Reports rows when they are refused for the first time, not again at every attempt. */
function manyRefused(alike: readonly RefusedItem[]): TableFault[] {
  const fresh = alike.filter(([{ record }]) => record.attempts === 0);
  const [first] = fresh;
  if (first === undefined) return [];
  const [{ table }, { sqlstate, reason }] = first;
  const then = table.retry.attempts === 1 ? '' : `, unless one of ${table.retry.attempts} attempts succeeds`;
  return [
    {
      schema: table.schema,
      table: table.name,
      code: sqlstate,
      reason: `Many rows are refused alike, and become dead letters${then}: ${reason}`,
      records: fresh.length,
      isOfRows: true,
    },
  ];
}
