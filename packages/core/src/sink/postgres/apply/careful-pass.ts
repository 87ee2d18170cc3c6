import { makesMissing } from '../../../change/record.js';
import type { RefusedRow } from '../../change-sink.js';
import { asLongAgainMs } from '../back-off.js';
import { FOREIGN_KEY, NOT_IN_STATE, TIMED_OUT, faultOf, type Fault } from '../fault.js';
import type { Item } from '../plan/item.js';
import type { StatementGroup } from '../plan/plan.js';
import { lockRows } from '../sql/lock-rows.js';
import type { Table } from '../../table.js';
import { Blame } from './blame.js';
import type { Applied, ApplyContext, Stumble } from './context.js';
import { executeGroup } from './execute-group.js';
import { isOfColumn, withColumn } from './guilty-column.js';
import { isOwnFault } from './own-fault.js';
import { waits, waitsRefused, type Outcomes } from './outcomes.js';
import { earlyItems } from './parents.js';

/** Some items of a statement group, on their way to be written or blamed. */
interface Part {
  readonly group: StatementGroup;
  readonly items: readonly Item[];
  /** Lock the free rows first, and leave the others. */
  readonly lockFirst: boolean;
}

/** A refused part that may succeed after another row was written. */
interface Postponed {
  readonly part: Part;
  readonly fault: Fault;
  /** How many statements had succeeded when it was refused. */
  readonly writes: number;
}

interface Before {
  readonly stumble?: Stumble | undefined;
  readonly waiting?: Iterable<Item>;
}

const SAVEPOINT = 'spillway_part';

/**
 * The budget of the search. A statement that timed out costs four; a wait for a lock, or another fault that is not of a
 * row or a table, costs one. When it is used up, a refused part is left for another flush; after a time-out, so is all
 * the rest. The results so far are committed, so the next search is smaller. A database that is slow as a whole
 * therefore does not keep a flush busy for minutes.
 */
const PATIENCE = 12;

/**
 * A part that timed out is split into this many parts. They are tried in random order, so that every flush reaches rows
 * that are not slow, and each time other ones.
 */
const SLOW_PARTS = 8;

const OUT_OF_TIME = 'Statements before it took too long.';

/** After this many refused rows of a table, the rows of a refused part are written one by one. */
const MANY = 20;

/** For at most this many refused rows, PostgreSQL is asked which column is to blame: a statement per value. */
const MOST_ASKED = 20;

/** How many statements may look for an order in which refused rows can be written. */
const MOST_TRIES = 5_000;

/** What a refused row may wait for: its parents, or other rows of its table. */
const QUESTIONS = 2;

/**
 * Writes statement groups with a savepoint around every statement. A refused part is rolled back and treated by the
 * kind of its fault:
 * - `row`: if another row may be the cause (a unique value, a foreign key, a trigger), the part waits until all others
 *   have been written. Then, or if its own values are the cause, it is split until the guilty rows stand alone
 * - `locked`: its free rows are locked and written, the others wait for the next flush. A lock on another row (a
 *   parent) is found by splitting
 * - `limit`: split
 * - `around`: split; a row that is refused alone waits, as with its table
 * - `table`: all records of the table wait
 *
 * Splitting takes `O(log n)` statements for one guilty row, and about two for each row where many are refused. All good
 * rows are written, whatever share is refused.
 */
export class CarefulPass {
  readonly #groups: readonly StatementGroup[];
  readonly #context: ApplyContext;
  readonly #stumble: Stumble | undefined;
  readonly #outcomes: Outcomes = new Map();
  readonly #blame: Blame;
  readonly #paused = new Map<Table, Fault>();
  /** Tables of which a row is left for another flush, before the refused rows are judged. */
  readonly #waiting = new Set<Table>();
  readonly #postponed: Postponed[] = [];
  readonly #refused = new Map<Item, Postponed>();
  #phase: 'all' | 'postponed' = 'all';
  #isOutOfTime = false;
  #patience = PATIENCE;
  #writes = 0;
  #tries = 0;

  /**
   * @param before `stumble`: the fault of the first pass. Without it nothing was tried yet, and rows are locked without
   * a wait. `waiting`: rows that are left for another flush
   */
  constructor(groups: readonly StatementGroup[], context: ApplyContext, { stumble, waiting = [] }: Before = {}) {
    this.#groups = groups;
    this.#context = context;
    this.#stumble = stumble;
    for (const { table } of waiting) this.#waiting.add(table);
    this.#blame = new Blame(groups.reduce((sum, { items }) => sum + items.length, 0));
  }

  async run(): Promise<Applied> {
    await this.#context.session.script(`savepoint ${SAVEPOINT}`);
    for (const group of this.#groups) await this.#writeGroup(group);
    this.#phase = 'postponed';
    for (const { part, fault, writes } of this.#postponed.splice(0))
      await this.#work(writes === this.#writes ? await this.#after(fault, part) : [part]);
    await this.#tryAgain();
    await this.#judge();
    await this.#context.session.script(`release savepoint ${SAVEPOINT}`);
    return this.#blame.decide(this.#outcomes, (table, isOfRows) => this.#context.pauses.lengthMs(table, isOfRows));
  }

  /**
   * Writes rows that were refused in an earlier flush after the others, which then need no splitting because of them.
   */
  async #writeGroup(group: StatementGroup): Promise<void> {
    const stumble = this.#stumble;
    const { fresh = [], before = [] } = Object.groupBy(group.items, ({ record: { attempts } }) =>
      attempts === 0 ? 'fresh' : 'before',
    );
    const part: Part = { group, items: fresh, lockFirst: stumble === undefined };
    // The same statement would meet the same fault, perhaps after another time-out.
    const isKnown = group === stumble?.group && !this.#paused.has(group.table);
    await this.#work(isKnown ? await this.#after(stumble.fault, part) : [part]);
    await this.#work([{ ...part, items: before }]);
  }

  /** Writes or splits parts; the last one is done first. */
  async #work(parts: readonly Part[]): Promise<void> {
    const work = [...parts];
    for (let part = work.pop(); part !== undefined; part = work.pop()) {
      if (part.items.length === 0) continue;
      const paused = this.#paused.get(part.group.table);
      if (paused !== undefined) {
        for (const item of part.items) this.#refused.delete(item);
        this.#blame.table(part.items, paused);
      } else if (this.#isOutOfTime) this.#wait(part.items, OUT_OF_TIME);
      else {
        const fault = await this.#write(part);
        if (fault !== undefined) for (const rest of await this.#after(fault, part)) work.push(rest);
      }
    }
  }

  /** Writes the part, or rolls it back and answers the fault. */
  async #write({ group, items, lockFirst }: Part): Promise<Fault | undefined> {
    const { session, names, mayRestart } = this.#context;
    try {
      const locked = lockFirst ? await this.#lockedByOthers(group, items) : new Set<Item>();
      const free = locked.size === 0 ? items : items.filter((item) => !locked.has(item));
      const outcomes = await this.#execute(group, free);
      await session.script(`release savepoint ${SAVEPOINT}; savepoint ${SAVEPOINT}`);
      for (const [item, outcome] of outcomes) this.#outcomes.set(item, outcome);
      for (const item of items) this.#refused.delete(item);
      if (free.length > 0) this.#writes += 1;
      this.#wait(locked, 'The row is locked by somebody else.');
      return undefined;
    } catch (error) {
      const fault = faultOf(error, { names, mayRestart });
      await session.script(`rollback to savepoint ${SAVEPOINT}`);
      return fault;
    }
  }

  /** Uses what was found out about the table since the statement group was planned. */
  async #execute(group: StatementGroup, items: readonly Item[]): Promise<Outcomes> {
    const { session, wallTime, tables } = this.#context;
    const { schema, name } = group.table;
    const table = tables.get({ schema, table: name }) ?? group.table;
    const known = items.map((item) => ({ ...item, table }));
    const outcomes = await executeGroup(session, { ...group, table, items: known }, wallTime);
    const itemOf = new Map(known.map((item, position) => [item, items[position]]));
    return new Map([...outcomes].map(([item, outcome]) => [itemOf.get(item) ?? item, outcome]));
  }

  async #lockedByOthers(group: StatementGroup, items: readonly Item[]): Promise<ReadonlySet<Item>> {
    const statement = lockRows(group.table, items, group.kind === 'delete' ? 'update' : 'no key update');
    const rows = await this.#context.session.rows(statement.text, [statement.json]);
    return new Set(rows.map(([position]) => items[Number(position)]).filter((item) => item !== undefined));
  }

  /** The parts that are still to be written after a part was refused. */
  async #after(fault: Fault, part: Part): Promise<readonly Part[]> {
    if (this.#isNewsOfKey(fault, part.group)) return [part];
    if (fault.kind === 'table') {
      this.#paused.set(part.group.table, fault);
      return [part];
    }
    if (fault.kind === 'row') {
      if (this.#phase === 'all' && !isOwnFault(fault)) return this.#postpone(fault, part);
      return fault.sqlstate === FOREIGN_KEY ? this.#withoutEarly(fault, part) : this.#split(fault, part);
    }
    if (fault.kind === 'locked' && !part.lockFirst) return [{ ...part, lockFirst: true }];
    return this.#spend(fault) ? this.#split(fault, part) : this.#leave(part.items, fault);
  }

  /**
   * True if the fault shows for the first time that the table's key is deferrable. The next statement then has another
   * form.
   */
  #isNewsOfKey({ kind, sqlstate }: Fault, { kind: makes, table, items }: StatementGroup): boolean {
    const isWhole = makes === 'insert' || makes === 'upsert' || makes === 'replace';
    const makesRows = isWhole || items.some(({ record }) => makesMissing(record));
    return sqlstate === NOT_IN_STATE && kind === 'around' && makesRows && this.#context.tables.noteDeferrableKey(table);
  }

  #postpone(fault: Fault, part: Part): [] {
    this.#postponed.push({ part, fault, writes: this.#writes });
    return [];
  }

  /** Children whose parents are pending elsewhere, and not in the database yet, cannot be written now. */
  async #withoutEarly(fault: Fault, part: Part): Promise<readonly Part[]> {
    if (part.items.length === 1) return this.#split(fault, part);
    const own = new Set(this.#groups.flatMap(({ items }) => items.map(({ rowKey }) => rowKey)));
    const early = await earlyItems(part.items, own, this.#context, SAVEPOINT);
    if (early.size === 0) return this.#split(fault, part);
    this.#wait(early, fault.reason);
    return [{ ...part, items: part.items.filter((item) => !early.has(item)) }];
  }

  #spend(fault: Fault): boolean {
    const isSlow = hasTimedOut(fault);
    this.#patience -= isSlow ? 4 : 1;
    if (isSlow && this.#patience <= 0) this.#isOutOfTime = true;
    return this.#patience > 0;
  }

  /** Leaves the items for another flush. */
  #leave(items: readonly Item[], fault: Fault): [] {
    if (fault.kind !== 'around') return this.#wait(items, fault.reason, hasTimedOut(fault));
    this.#noteWaiting(items);
    this.#blame.table(items, fault);
    return [];
  }

  /** @param isCostly a new attempt is expensive: the longer the item has waited, the longer it waits again */
  #wait(items: Iterable<Item>, reason: string, isCostly = false): [] {
    this.#noteWaiting(items);
    for (const item of items) {
      const { retry } = item.table;
      const delayMs = isCostly ? asLongAgainMs(retry, item.ageMs) : retry.minDelayMs;
      this.#outcomes.set(item, waits(item, delayMs, reason));
    }
    return [];
  }

  #noteWaiting(items: Iterable<Item>): void {
    for (const item of items) {
      this.#waiting.add(item.table);
      this.#refused.delete(item);
    }
  }

  #split(fault: Fault, part: Part): Part[] {
    const { items } = part;
    if (items.length === 1) return this.#alone(fault, part);
    const { table } = part.group;
    const isOften = [...this.#refused.keys()].filter((item) => item.table === table).length >= MANY;
    const isSlow = hasTimedOut(fault);
    const size = fault.kind === 'row' && isOften ? 1 : Math.ceil(items.length / (isSlow ? SLOW_PARTS : 2));
    const parts: Part[] = [];
    for (let from = 0; from < items.length; from += size)
      parts.push({ ...part, items: items.slice(from, from + size) });
    return isSlow ? inAnyOrder(parts) : parts.toReversed();
  }

  /**
   * One item and its fault. The record is not to blame for a time-out, a lock, or a fault around its table, but it is
   * for being too large for PostgreSQL.
   */
  #alone(fault: Fault, part: Part): [] {
    const isItsOwn = fault.kind === 'row' || (fault.kind === 'limit' && !hasTimedOut(fault));
    if (!isItsOwn) return this.#leave(part.items, fault);
    for (const item of part.items) this.#refused.set(item, { part, fault, writes: this.#writes });
    return [];
  }

  /**
   * Tries refused rows again as long as another row was written since, which may have been the one they need: rows that
   * pass a value on can be written in one order only. The first round has the order of staging, each further round the
   * reverse of the last.
   */
  async #tryAgain(): Promise<void> {
    let order = 1;
    for (let open = this.#hopeful(); open.length > 0; open = this.#hopeful()) {
      for (const { part } of open.toSorted((a, b) => order * byStaging(a.part, b.part))) {
        this.#tries += 1;
        if (this.#tries > MOST_TRIES) return;
        await this.#work([part]);
      }
      order = -order;
    }
  }

  #hopeful(): Postponed[] {
    return [...this.#refused.values()].filter(({ fault, writes }) => !isOwnFault(fault) && writes < this.#writes);
  }

  /**
   * All other rows are written. A refused row is to blame, unless a row that may be the cause is not written yet.
   * Another transaction may have written that one between the refusal and the question, so a row that has none to wait
   * for is tried once more. If that meets a fault that raises the other question, that is asked too.
   */
  async #judge(): Promise<void> {
    const lockFirst = this.#stumble === undefined;
    for (let question = 1; question <= QUESTIONS; question++) {
      await this.#excuseWaiting();
      const suspects = new Map([...this.#refused].filter(([, { fault }]) => !isOwnFault(fault)));
      for (const group of this.#groups)
        await this.#work([{ group, items: group.items.filter((item) => suspects.has(item)), lockFirst }]);
      await this.#tryAgain();
      const isAnswered = [...suspects].every(([item, { fault }]) => {
        const again = this.#refused.get(item);
        return again === undefined || isOfParents(again.fault) === isOfParents(fault);
      });
      if (isAnswered) break;
    }
    // The last try may have left the cause of another refusal for another flush, or written it too late.
    for (const [item, refusal] of this.#refused) if (this.#hasOpenCause(item, refusal)) this.#excuse(item);
    let asked = 0;
    for (const [item, { fault }] of this.#refused) {
      const isAsked = asked < MOST_ASKED && isOfColumn(fault);
      if (isAsked) asked += 1;
      this.#blame.row(item, isAsked ? await withColumn(item, fault, this.#context, SAVEPOINT) : fault);
    }
  }

  /** Asks which refused rows have to wait for a row that is pending elsewhere, or is left for another flush. */
  async #excuseWaiting(): Promise<void> {
    const orphans = [...this.#refused].filter(([, { fault }]) => isOfParents(fault)).map(([item]) => item);
    for (const item of await earlyItems(orphans, new Set(), this.#context, SAVEPOINT)) this.#excuse(item);
    const suspects = new Map<Item, readonly Table[]>();
    for (const [item, refusal] of this.#refused) {
      const behind = this.#tablesBehind(item, refusal.fault);
      if (this.#hasOpenCause(item, refusal)) this.#excuse(item);
      else if (behind.length > 0) suspects.set(item, behind);
    }
    if (suspects.size === 0) return;
    const rows = [...suspects].map(([item, behind]) => refusedRow(item, behind));
    const waiting = await this.#context.othersPending(rows);
    for (const item of suspects.keys()) if (waiting.has(item.rowKey)) this.#excuse(item);
  }

  /** True if a row that may be the cause is left for another flush, or was written too late for a further try. */
  #hasOpenCause(item: Item, refusal: Postponed): boolean {
    return this.#isUntried(refusal) || this.#tablesBehind(item, refusal.fault).some((table) => this.#isStuck(table));
  }

  /** True if another row was written since it was refused, and there were too many to try it again. */
  #isUntried({ fault, writes }: Postponed): boolean {
    return !isOwnFault(fault) && writes < this.#writes && this.#tries > MOST_TRIES;
  }

  /**
   * The tables whose rows may be the cause. A missing parent was asked for already; a deleted parent may still have
   * children.
   */
  #tablesBehind({ table, record }: Item, fault: Fault): readonly Table[] {
    if (isOwnFault(fault)) return [];
    if (fault.sqlstate !== FOREIGN_KEY) return [table];
    return record.kind === 'delete' ? this.#context.tables.referringTo(table) : [];
  }

  /** True if rows of the table are left for another flush. */
  #isStuck({ schema, name }: Table): boolean {
    const stuck = [...this.#waiting, ...this.#paused.keys()];
    return stuck.some((table) => table.schema === schema && table.name === name);
  }

  #excuse(item: Item): void {
    const refusal = this.#refused.get(item);
    if (refusal === undefined) return;
    this.#refused.delete(item);
    this.#outcomes.set(item, waitsRefused(item, refusal.fault.reason));
  }
}

/** True if the question is whether a parent is pending. Any other refusal asks for rows of tables. */
function isOfParents({ sqlstate }: Fault): boolean {
  return sqlstate === FOREIGN_KEY;
}

/** True if PostgreSQL itself timed out: a function may raise any code. */
function hasTimedOut({ kind, sqlstate }: Fault): boolean {
  return kind === 'limit' && sqlstate === TIMED_OUT;
}

function inAnyOrder<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function byStaging({ items: [a] }: Part, { items: [b] }: Part): number {
  if (a === undefined || b === undefined) return 0;
  return a.record.firstAtMs - b.record.firstAtMs || a.record.first - b.record.first;
}

function refusedRow({ rowKey, record }: Item, tables: readonly Table[]): RefusedRow {
  const behind = tables.map(({ schema, name }) => ({ schema, table: name }));
  return { rowKey, behind, firstAtMs: record.firstAtMs };
}
