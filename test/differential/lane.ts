import { setTimeout as pause } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Actor, type Observation } from './actor.js';
import type { Key } from './keys.js';
import type { Seen } from './observe.js';
import { InThisProcess, type Second } from './in-this-process.js';
import { LANES, openBehind, openPlain, type Host, type LaneSettings, type Pace } from './open-orm.js';
import { Run, WORLDS, type Report } from './run.js';
import type { World } from './second-process.js';
import { SecondProcess } from './second-process-link.js';
import type { Program, Step } from './steps.js';
import { emptyTables, tablesOf } from './tables.js';

/**
 * Two databases, two processes, and in each process an ORM for either world. Programs run on it one after the other.
 */
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
