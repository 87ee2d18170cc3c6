import type { Observation } from './actor.js';
import { comparable, differences, isSame, Numbers } from './compare.js';
import { givenKey, NUMBERED, type Key } from './keys.js';
import type { Lane } from './lane.js';
import type { Seen } from './observe.js';
import type { World } from './second-process.js';
import { actsOf, areBothRefused, isAtOnce, isLeftOut, updatesBySql } from './step-licence.js';
import type { Act, Nudge, Program, Step, Target } from './steps.js';

/** Why the two worlds are not the same. */
export interface Failure {
  /** The step that was answered differently, or nothing, if the tables differ in the end. */
  readonly step: number | undefined;
  readonly what: readonly string[];
}

/** What became of the steps of a program. */
export interface Report {
  readonly failure: Failure | undefined;
  readonly steps: number;
  /** Steps that were left out, because the plain world had no answer that the other one must give too. */
  readonly left: number;
  /**
   * Whether it was given up because the machine was too slow: what a transaction waits a second for was not written by
   * then.
   */
  readonly isVoid: boolean;
}

/** Whose deletes go by SQL, because the database then changes rows of others. */
const FOLLOWED: readonly string[] = ['Person', 'Course'];

/** Entities with a filter that is on by default. */
const FILTERED: readonly string[] = ['Course', 'Club'];

export const WORLDS: readonly World[] = ['plain', 'behind'];

/** One program on a lane. */
export class Run {
  readonly #lane: Lane;
  readonly #program: Program;
  readonly #keys: Readonly<Record<World, Record<string, Key>>> = { plain: {}, behind: {} };
  readonly #numbers: Readonly<Record<World, Numbers>> = { plain: new Numbers(), behind: new Numbers() };
  /** The tables of the rows, where those have numbers. */
  readonly #tables = new Map<string, string>();
  /** Rows that were there at some time, by their keys, and those of them that were made again. */
  readonly #born = new Set<string>();
  readonly #reborn = new Set<string>();
  /** Rows that SQL has written, by their keys as they are seen. */
  readonly #bySql = new Set<string>();
  /** Entity managers whose next flush may write a pivot table. */
  readonly #collecting = new Set<string>();
  #left = 0;
  #isVoid = false;

  constructor(lane: Lane, name: string, program: Program) {
    this.#lane = lane;
    this.#program = program;
    for (const target of targetsOf(program)) {
      this.#tables.set(target.tag, NUMBERED[target.kind] ?? '');
      const key = givenKey(target, name);
      if (key !== undefined) for (const world of WORLDS) this.#keys[world][target.tag] = key;
    }
  }

  async go(): Promise<Report> {
    for (const [index, step] of this.#program.steps.entries()) {
      const what = await this.#step(step);
      if (this.#isVoid) return this.#report(undefined);
      if (what.length > 0) return this.#report({ step: index, what });
    }
    const unwritten = await this.#lane.settle();
    const [plain, behind] = await Promise.all([
      this.#lane.tables('plain', this.#reborn),
      this.#lane.tables('behind', this.#reborn),
    ]);
    const what = [...unwritten, ...differences(plain, behind, 'tables')];
    return this.#report(what.length > 0 ? { step: undefined, what } : undefined);
  }

  #report(failure: Failure | undefined): Report {
    return { failure, steps: this.#program.steps.length, left: this.#left, isVoid: this.#isVoid };
  }

  async #step(step: Step): Promise<string[]> {
    if (isNudge(step.act)) {
      const { error } = await this.#lane.act('behind', step, {});
      return error ? [`${step.act.do}: ${error.name}: ${error.message}`] : [];
    }
    const plain = await this.#lane.act('plain', step, this.#keys.plain);
    if (isLeftOut(plain, step.act) || this.#isStaleBySql(step.act, plain)) {
      this.#left += 1;
      await this.#lane.discard(step);
      return [];
    }
    const behind = await this.#lane.act('behind', step, this.#keys.behind);
    this.#isVoid ||= behind.lagged;
    // A step that fails may have given a number to a row that never comes to be, in one world only.
    if (!plain.error) this.#learn('plain', plain);
    if (!behind.error) this.#learn('behind', behind);
    if (plain.error || behind.error) await this.#lane.discard(step);
    this.#noteSql(step, plain, behind.bySql);
    if (this.#noteBirths(step.act, plain)) await this.#lane.discardAll();
    const [expected, seen] = [this.#comparable('plain', plain), this.#comparable('behind', behind)];
    if (isSame(expected, seen) || areBothRefused(plain, behind)) return [];
    const messages = [plain, behind].flatMap(({ error }) => (error ? [`${error.name}: ${error.message}`] : []));
    return [...differences(expected, seen), ...messages];
  }

  #learn(world: World, { learned }: Observation): void {
    for (const [tag, key] of Object.entries(learned)) {
      this.#keys[world][tag] = key;
      this.#numbers[world].learn(this.#tables.get(tag) ?? '', key, tag);
    }
  }

  /**
   * A writer that is stale because of SQL is refused at once by plain MikroORM, and found when its batch is written by
   * the other one. In a transaction both refuse it at once.
   */
  #isStaleBySql(act: Act | Nudge, { error, changed }: Observation): boolean {
    if (error?.name !== 'OptimisticLockError' || isAtOnce(act)) return false;
    // By SQL of its own, that is.
    if (updatesBySql(act)) return true;
    const updated = changed.map((change) => this.#rowOf(change));
    return updated.some((row) => this.#bySql.has(row)) || this.#bySql.has('any');
  }

  /**
   * What docs/limits.md says of it ("What goes by SQL"): transactions, flushes of plain entities and of pivot tables,
   * updates by criteria, and flushes with a change that cannot be staged: it says so itself, of these entities.
   */
  #noteSql({ process, fork, act }: Step, { changed }: Observation, unstaged: readonly string[]): void {
    const em = `${process}.${fork}`;
    for (const each of actsOf(act)) {
      if (each.do === 'collect') this.#collecting.add(em);
      // Rows that leave a collection which was not loaded are found, and raised, by a statement.
      if (each.do === 'collect' && each.unloaded) this.#bySql.add('any');
      if (each.do === 'nativeUpdate' && this.#isBySql(each)) this.#bySql.add('any');
    }
    if (changed.length === 0 && act.do !== 'transaction') return;
    const isMixed = changed.some(
      (change) =>
        Object.values(change as object).some((name) => this.#lane.writtenBySql.includes(String(name))) ||
        FOLLOWED.some((name) => (change as { readonly delete?: Seen }).delete === name),
    );
    const isOwn = isMixed || unstaged.length > 0 || this.#collecting.delete(em);
    const isBySql = isOwn || actsOf(act).some((each) => each.do === 'transaction');
    if (isBySql) for (const change of changed) this.#bySql.add(this.#rowOf(change));
    if (updatesBySql(act)) this.#bySql.add('any');
  }

  /** Updates by criteria, which a filter makes of a key, too; and those of an entity with embeddables. */
  #isBySql({ kind, where, filters }: Act & { do: 'nativeUpdate' }): boolean {
    const isFiltered = filters !== false && FILTERED.includes(kind);
    return !Array.isArray(where) || isFiltered || kind === 'Person' || this.#lane.writtenBySql.includes(kind);
  }

  #rowOf(change: Seen): string {
    return JSON.stringify(this.#keyOf(change));
  }

  /** The key of a row that plain MikroORM has changed, as it is compared. */
  #keyOf(change: Seen): Seen {
    return comparable((change as { readonly key: Seen }).key, this.#numbers.plain, this.#reborn);
  }

  /**
   * A row that is inserted again under its key goes on with the versions of the one that was deleted; plain MikroORM
   * begins anew, so that whoever still holds the old row writes over the new one. Nobody holds it any more when this
   * has answered `true`.
   */
  #noteBirths(act: Act | Nudge, { changed, error }: Observation): boolean {
    if (error) return false;
    const made = changed.flatMap((change) => {
      const isNew = 'create' in (change as object);
      return isNew ? [this.#keyOf(change)] : [];
    });
    const inserted = actsOf(act)
      .flatMap((each) => (each.do === 'insert' ? each.rows : []))
      .map(({ target }) => this.#keys.plain[target.tag]);
    let isReborn = false;
    // What has a number from a sequence before it is inserted had it before it was deleted.
    const numbered = changed.filter((change) => 'create' in (change as object) && isNumbered(change));
    for (const change of numbered) this.#born.add(this.#keyOf(change) as string);
    for (const key of [...made, ...inserted]) {
      if (typeof key !== 'string') continue;
      isReborn ||= this.#born.has(key);
      if (this.#born.has(key)) this.#reborn.add(key);
      this.#born.add(key);
    }
    return isReborn;
  }

  #comparable(world: World, { seen, changed, error }: Observation): Seen {
    const all = { seen, changed: { $bag: changed }, error: error?.name };
    return comparable(error ? { error: error.name } : all, this.#numbers[world], this.#reborn);
  }
}

function isNumbered(change: Seen): boolean {
  const { key } = change as { readonly key: Seen };
  return typeof key === 'object' && key !== null && '$number' in key;
}

function isNudge(act: Act | Nudge): act is Nudge {
  return act.do === 'drain' || act.do === 'pause';
}

/** Every row that a program names. */
function targetsOf(program: Program): readonly Target[] {
  const found = new Map<string, Target>();
  const look = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    const { kind, tag } = part as Partial<Target>;
    if (kind !== undefined && tag !== undefined) found.set(tag, { kind, tag });
    for (const each of Object.values(part)) look(each);
  };
  look(program.steps);
  for (const { kind, tag } of found.values())
    if (kind === 'Enrolment') {
      const [person = '', course = ''] = tag.split('+');
      found.set(person, { kind: 'Person', tag: person });
      found.set(course, { kind: 'Course', tag: course });
    }
  return [...found.values()];
}
