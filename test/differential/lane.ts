import { setTimeout as pause } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Actor, type Observation } from './actor.js';
import { comparable, differences, isSame, Numbers } from './compare.js';
import { givenKey, NUMBERED, type Key } from './keys.js';
import type { Seen } from './observe.js';
import { areBothRefused, isAtOnce, isLeftOut, updatesBySql } from './step-licence.js';
import { InThisProcess, type Second } from './in-this-process.js';
import { LANES, openBehind, openPlain, type Host, type LaneSettings, type Pace } from './open-orm.js';
import type { World } from './second-process.js';
import { SecondProcess } from './second-process-link.js';
import type { Act, Nudge, Program, Step, Target } from './steps.js';
import { emptyTables, tablesOf } from './tables.js';

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
  /** Whether it was given up because the machine was too slow: what a transaction waits a second for was not written by then. */
  readonly isVoid: boolean;
}

/** Whose deletes go by SQL, because the database then changes rows of others. */
const FOLLOWED: readonly string[] = ['Person', 'Course'];

const WORLDS: readonly World[] = ['plain', 'behind'];

/** Two databases, two processes, and in each process an ORM for either world. Programs run on it one after the other. */
export class Lane implements AsyncDisposable {
  readonly #orms: Readonly<Record<World, MikroORM>>;
  readonly #actors: Readonly<Record<World, Actor>>;
  readonly #second: Second;
  readonly #close: () => Promise<void>;
  /** Entities whose changes go by SQL, and all that is flushed with them. */
  readonly writtenBySql: readonly string[];
  #runs = 0;
  #isTidy = true;

  private constructor(
    orms: Readonly<Record<World, MikroORM>>,
    actors: Readonly<Record<World, Actor>>,
    second: Second,
    close: () => Promise<void>,
    pace: Pace,
  ) {
    this.writtenBySql = ['Note', ...LANES[pace].through];
    this.#orms = orms;
    this.#actors = actors;
    this.#second = second;
    this.#close = close;
  }

  static async open(pace: Pace, host: Host): Promise<Lane> {
    const [left, right] = await Promise.all([database(), database()]);
    const settings: LaneSettings = {
      host,
      plainUrl: left.url,
      behindUrl: right.url,
      redisUrl: sharedRedisUrl(),
      namespace: freshNamespace(),
      pace,
    };
    const plain = await openPlain(settings);
    const behind = await openBehind(settings);
    await plain.orm.schema.create();
    await behind.orm.schema.create();
    await Spillway.of(behind.orm).start();
    const second = host === 'server' ? await SecondProcess.start(settings) : new InThisProcess(plain, behind);
    const close = async (): Promise<void> => {
      await second.end();
      await plain.orm.close();
      await behind.orm.close();
      await left.drop();
      await right.drop();
    };
    const actors = {
      plain: new Actor(plain, true),
      behind: new Actor(behind, false),
    };
    return new Lane({ plain: plain.orm, behind: behind.orm }, actors, second, close, pace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async run(program: Program): Promise<Report> {
    this.#runs += 1;
    const run = new Run(this, `${program.seed}.${this.#runs}`, program);
    let report: Report | undefined;
    try {
      report = await run.go();
      return report;
    } finally {
      // A program that went to its end without a difference has settled already, and nothing came after.
      this.#isTidy = await this.#tidy(report !== undefined && !report.failure && !report.isVoid);
    }
  }

  async act(world: World, { process, fork, act }: Step, keys: Readonly<Record<string, Key>>): Promise<Observation> {
    return process === 0 ? this.#actors[world].run(fork, act, keys) : this.#second.run(world, fork, act, keys);
  }

  async discard({ process, fork }: Step): Promise<void> {
    if (process === 1) return this.#second.discard(fork);
    for (const world of WORLDS) this.#actors[world].discard(fork);
  }

  async discardAll(): Promise<void> {
    for (const world of WORLDS) this.#actors[world].reset();
    await this.#second.reset();
  }

  /** Writes everything. Answers what could not be written, which is nothing, if all is well. */
  async settle(): Promise<string[]> {
    const service = Spillway.of(this.#orms.behind);
    for (let round = 1; ; round++) {
      await service.drain();
      const { pending, inFlight } = await service.status();
      if (inFlight === 0 && Object.values(pending).every((count) => count === 0)) break;
      if (round === 40) return [`still pending after 40 drains: ${JSON.stringify({ pending, inFlight })}`];
      await pause(round * 5);
    }
    const letters = await service.deadLetters.list();
    return letters.map(
      (letter) =>
        `a dead letter: ${JSON.stringify(letter, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))}`,
    );
  }

  async tables(world: World, reborn: ReadonlySet<string>): Promise<Seen> {
    return tablesOf(this.#orms[world], reborn);
  }

  /** Whether the next program finds nothing of the last one. */
  get isTidy(): boolean {
    return this.#isTidy;
  }

  async #tidy(isSettled: boolean): Promise<boolean> {
    const [unwritten] = isSettled ? [] : await this.settle();
    if (!isSettled) {
      const { deadLetters } = Spillway.of(this.#orms.behind);
      for (const letter of await deadLetters.list()) await deadLetters.discard(letter);
    }
    await this.discardAll();
    await Promise.all(WORLDS.map(async (world) => emptyTables(this.#orms[world])));
    return !unwritten?.startsWith('still pending');
  }
}

/** One program on a lane. */
class Run {
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
    this.#learn('plain', plain);
    this.#learn('behind', behind);
    if (plain.error || behind.error) await this.#lane.discard(step);
    this.#noteSql(step, plain);
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
   * A writer that is stale because of SQL is refused at once by plain MikroORM, and found when its batch is written by the other one. In a transaction both refuse it at once.
   */
  #isStaleBySql(act: Act | Nudge, { error, changed }: Observation): boolean {
    if (error?.name !== 'OptimisticLockError' || isAtOnce(act)) return false;
    // By SQL of its own, that is.
    if (updatesBySql(act)) return true;
    const updated = changed.map((change) => this.#rowOf(change));
    return updated.some((row) => this.#bySql.has(row)) || this.#bySql.has('any');
  }

  /** What docs/limits.md says of it ("What goes by SQL"): transactions, flushes of plain entities and of pivot tables, updates by criteria. */
  #noteSql({ process, fork, act }: Step, { changed }: Observation): void {
    const em = `${process}.${fork}`;
    if (act.do === 'collect') this.#collecting.add(em);
    // Calls of an entity with embeddables go by SQL, too.
    if (
      act.do === 'nativeUpdate' &&
      (!Array.isArray(act.where) || act.kind === 'Person' || this.#lane.writtenBySql.includes(act.kind))
    )
      this.#bySql.add('any');
    if (changed.length === 0 && act.do !== 'transaction') return;
    const isMixed = changed.some(
      (change) =>
        Object.values(change as object).some((name) => this.#lane.writtenBySql.includes(String(name))) ||
        FOLLOWED.some((name) => (change as { readonly delete?: Seen }).delete === name),
    );
    const isBySql = act.do === 'transaction' || isMixed || this.#collecting.delete(em);
    if (isBySql) for (const change of changed) this.#bySql.add(this.#rowOf(change));
    if (updatesBySql(act)) this.#bySql.add('any');
  }

  #rowOf(change: Seen): string {
    return JSON.stringify(this.#keyOf(change));
  }

  /** The key of a row that plain MikroORM has changed, as it is compared. */
  #keyOf(change: Seen): Seen {
    return comparable((change as { readonly key: Seen }).key, this.#numbers.plain, this.#reborn);
  }

  /**
   * A row that is inserted again under its key goes on with the versions of the one that was deleted; plain MikroORM begins anew, so that whoever still holds the old row writes over the
   * new one. Nobody holds it any more when this has answered `true`.
   */
  #noteBirths(act: Act | Nudge, { changed, error }: Observation): boolean {
    if (error) return false;
    const made = changed.flatMap((change) => {
      const isNew = 'create' in (change as object);
      return isNew ? [this.#keyOf(change)] : [];
    });
    const inserted = act.do === 'insert' ? act.rows.map(({ target }) => this.#keys.plain[target.tag]) : [];
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
