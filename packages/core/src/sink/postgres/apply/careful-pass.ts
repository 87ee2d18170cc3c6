import { asLongAgainMs } from '../back-off.js';
import { FOREIGN_KEY, NOT_IN_STATE, TIMED_OUT, faultOf, type Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { Group } from '../plan/plan.js';
import { lockRows } from '../sql/lock-rows.js';
import type { Table } from '../../table.js';
import { Blame } from './blame.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { executeGroup } from './execute-group.js';
import { waits, type Outcomes } from './outcomes.js';
import { parentsOf } from './parents.js';

/** Some of a group's items, on their way to be written or blamed. */
interface Part {
  readonly items: readonly Item[];
  /** Lock what can be locked first, and leave the rest. */
  readonly lockFirst: boolean;
  /** Foreign keys: these have been told apart already by whether a parent is still staged. */
  readonly sorted: boolean;
}

const SAVEPOINT = 'spillway_part';

/**
 * What the search may cost before the rest of the batch is left for another flush: a wait for a lock is one, a statement that timed out is four. What was found by then is
 * committed, so the next search is a smaller one; and a database that is slow as a whole does not keep a flush busy for minutes.
 */
const PATIENCE = 12;

/**
 * Writes groups with a savepoint around every statement. A part that is refused is taken back and treated by the kind of its fault:
 * - `row`: halved, until the guilty stand alone (`O(log n)` statements for one of them); children are first parted from those whose parents are still staged
 * - `locked`: its rows are locked as far as they can be had at once, the others wait for the next flush; what is locked elsewhere (a parent) is found by halving
 * - `limit`: halved
 * - `around`: halved, and what is refused alone waits, as with its table
 * - `table`: everything of the table waits
 */
export class CarefulPass {
  readonly #groups: readonly Group[];
  readonly #context: ApplyContext;
  readonly #stumble: Stumble | undefined;
  readonly #outcomes: Outcomes = new Map();
  readonly #blame: Blame;
  readonly #paused = new Map<Table, Fault>();
  #patience = PATIENCE;

  /** @param stumble what a first pass has met; without one nothing has been tried, and no row is waited for from the start */
  constructor(groups: readonly Group[], context: ApplyContext, stumble?: Stumble) {
    this.#groups = groups;
    this.#context = context;
    this.#stumble = stumble;
    this.#blame = new Blame(groups.reduce((sum, { items }) => sum + items.length, 0));
  }

  async run(): Promise<Applied> {
    for (const group of this.#groups) await this.#writeGroup(group);
    return this.#blame.settle(this.#outcomes, (table, isLong) => this.#context.pauses.lengthMs(table, isLong));
  }

  async #writeGroup(group: Group): Promise<void> {
    const stumble = this.#stumble;
    const whole: Part = { items: group.items, lockFirst: stumble === undefined, sorted: false };
    // What the first pass met would only be met again, perhaps after another time-out.
    const isKnown = group === stumble?.group && !this.#paused.has(group.table);
    const work = isKnown ? await this.#after(stumble.fault, group, whole) : [whole];
    for (let part = work.pop(); part !== undefined; part = work.pop()) {
      const paused = this.#paused.get(group.table);
      if (paused !== undefined) this.#blame.table(part.items, paused);
      else {
        const fault = await this.#write(group, part);
        if (fault !== undefined) work.push(...(await this.#after(fault, group, part)));
      }
    }
  }

  /** Writes the part, or takes it back and answers why. */
  async #write(group: Group, part: Part): Promise<Fault | undefined> {
    const { session, mayRestart } = this.#context;
    await session.script(`savepoint ${SAVEPOINT}`);
    try {
      const held = part.lockFirst ? await this.#heldByOthers(group, part.items) : new Set<Item>();
      const items = held.size === 0 ? part.items : part.items.filter((item) => !held.has(item));
      const outcomes = await this.#execute(group, items);
      await session.script(`release savepoint ${SAVEPOINT}`);
      for (const [item, outcome] of outcomes) this.#outcomes.set(item, outcome);
      this.#wait(held, 'The row is locked by somebody else.');
      return undefined;
    } catch (error) {
      const fault = faultOf(error, { names: this.#context.names, mayRestart });
      await session.script(`rollback to savepoint ${SAVEPOINT}; release savepoint ${SAVEPOINT}`);
      return fault;
    }
  }

  /** What has been found out about the table since the group was planned counts. */
  async #execute(group: Group, items: readonly Item[]): Promise<Outcomes> {
    const { session, wallTime, tables } = this.#context;
    const { schema, name } = group.table;
    const table = tables.get({ schema, table: name }) ?? group.table;
    const known = items.map((item) => ({ ...item, table }));
    const outcomes = await executeGroup(session, { ...group, table, items: known }, wallTime);
    const itemOf = new Map(known.map((item, position) => [item, items[position]]));
    return new Map([...outcomes].map(([item, outcome]) => [itemOf.get(item) ?? item, outcome]));
  }

  async #heldByOthers(group: Group, items: readonly Item[]): Promise<ReadonlySet<Item>> {
    const statement = lockRows(group.table, items, group.kind === 'delete' ? 'update' : 'no key update');
    const rows = await this.#context.session.rows(statement.text, [statement.json]);
    return new Set(rows.map(([position]) => items[Number(position)]).filter((item) => item !== undefined));
  }

  /** What is left to do with a part that was refused; the last of the answer is done first. */
  async #after(fault: Fault, group: Group, part: Part): Promise<Part[]> {
    if (this.#isNewsOfKey(fault, group)) return [part];
    if (fault.kind === 'table') {
      this.#paused.set(group.table, fault);
      return [part];
    }
    if (fault.kind === 'row') {
      return fault.sqlstate === FOREIGN_KEY && !part.sorted ? this.#byParents(part) : this.#halves(part, fault);
    }
    if (fault.kind === 'locked' && !part.lockFirst) return [{ ...part, lockFirst: true }];
    return this.#spend(fault) ? this.#halves(part, fault) : this.#leave(part.items, fault);
  }

  /** The same statement is not the same again. */
  #isNewsOfKey({ kind, sqlstate }: Fault, group: Group): boolean {
    const makesRows = group.kind === 'insert' || group.kind === 'upsert' || group.kind === 'replace';
    return (
      sqlstate === NOT_IN_STATE && kind === 'around' && makesRows && this.#context.tables.noteDeferrableKey(group.table)
    );
  }

  #spend({ sqlstate }: Fault): boolean {
    this.#patience -= sqlstate === TIMED_OUT ? 4 : 1;
    return this.#patience > 0;
  }

  /** For another flush. */
  #leave(items: readonly Item[], fault: Fault): [] {
    if (fault.kind === 'around') this.#blame.table(items, fault);
    else this.#wait(items, fault.reason, fault.sqlstate === TIMED_OUT);
    return [];
  }

  /** @param isCostly to try again: the longer the item has waited, the longer it waits on */
  #wait(items: Iterable<Item>, reason: string, isCostly = false): [] {
    for (const item of items) {
      const { retry } = item.table;
      const delayMs = isCostly ? asLongAgainMs(retry, item.ageMs) : retry.minDelayMs;
      this.#outcomes.set(item, waits(item, delayMs, reason));
    }
    return [];
  }

  #halves(part: Part, fault: Fault): Part[] {
    const [item, ...others] = part.items;
    if (item === undefined) return [];
    if (others.length === 0) {
      this.#alone(item, fault);
      return [];
    }
    if (this.#blame.isEnough(item, fault)) return this.#wait(part.items, fault.reason);
    const middle = Math.ceil(part.items.length / 2);
    return [
      { ...part, items: part.items.slice(middle) },
      { ...part, items: part.items.slice(0, middle) },
    ];
  }

  /** One item and one fault. Time-outs, locks and what is around are no fault of the record's; being too large for PostgreSQL is. */
  #alone(item: Item, fault: Fault): void {
    const isItsOwn = fault.kind === 'row' || (fault.kind === 'limit' && fault.sqlstate !== TIMED_OUT);
    if (isItsOwn) this.#blame.row(item, fault);
    else this.#leave([item], fault);
  }

  /** A child whose parent is still staged may be early and is not to blame, but it may also be fine: the parent may be an old row with a new change. */
  async #byParents(part: Part): Promise<Part[]> {
    const pending = await this.#context.parentsPending(part.items.flatMap(parentsOf));
    const early = part.items.filter((item) => parentsOf(item).some((parent) => pending.has(parent)));
    this.#blame.excuse(early);
    const others = part.items.filter((item) => !early.includes(item));
    return [early, others].filter((items) => items.length > 0).map((items) => ({ ...part, items, sorted: true }));
  }
}
