import { DriverException, FlushMode, raw, type MikroORM } from '@mikro-orm/postgresql';
import { Spillway, type SpillwayRepository } from '@spillway/core';
import { assign, collect, create, get, getMany, insert, optionsOf, query, upsert, whereOf } from './acts.js';
import type { Schemas } from './entities.js';
import { data, find, learnedIn, schemaOf, signalOf, type Fork } from './fork.js';
import { keyOf, type Key, type Keys } from './keys.js';
import { Unlicensed, type FlushWatch } from './licence.js';
import { observe, type Seen } from './observe.js';
import type { OpenedOrm } from './open-orm.js';
import type { Act, Nudge, Tag, Target } from './steps.js';

/** What came of one step. */
export interface Observation {
  readonly seen: Seen;
  /** What flushes have changed meanwhile. */
  readonly changed: readonly Seen[];
  /** Whether the machine was too slow for what a transaction does. */
  readonly lagged: boolean;
  /** Entities of which a flush outside of transactions has written changes by SQL, for a reason of these changes. */
  readonly bySql: readonly string[];
  /** Numbers that rows have been given. */
  readonly learned: Readonly<Record<Tag, Key>>;
  readonly error?: {
    readonly name: string;
    readonly message: string;
    readonly kind: 'constraint' | 'unlicensed' | 'other';
  };
}

/** A step that flushes is refused as a whole, or not at all: looking the entity up must not be a flush of its own. */
const ONE_FLUSH = { flushMode: FlushMode.COMMIT } as const;

/** Ways of a change that cannot be staged, whatever is flushed beside it (docs/limits.md, "What goes by SQL"). */
const OF_THE_CHANGE = [
  'sql:raw',
  'sql:value',
  'sql:cycle',
  'sql:key',
  'sql:class',
  'sql:made-by-database',
  'sql:concurrency-check',
  'sql:never-loaded',
] as const;

class Rollback extends Error {}

/** One process in one world: does what it is told, in the entity manager that it is told. */
export class Actor {
  readonly #orm: MikroORM;
  readonly #schemas: Schemas;
  readonly #watch: FlushWatch;
  readonly #isPlain: boolean;
  readonly #hasWorker: boolean;
  readonly #forks = new Map<number, Fork>();
  /** Entity -> how many of its changes have been written by SQL so far. */
  readonly #bySql = new Map<string, number>();

  constructor({ orm, schemas, watch, hasWorker }: OpenedOrm, isPlain: boolean) {
    this.#hasWorker = hasWorker;
    this.#orm = orm;
    this.#schemas = schemas;
    this.#watch = watch;
    this.#isPlain = isPlain;
  }

  /** Forgets every entity manager of the program before. */
  reset(): void {
    this.#forks.clear();
    this.#watch.taken();
  }

  async run(number: number, act: Act | Nudge, keys: Keys): Promise<Observation> {
    const fork = this.#forkOf(number);
    let seen: Seen;
    let error: Observation['error'];
    try {
      seen = await this.#act(fork, act, keys);
    } catch (cause) {
      error = errorOf(cause);
    }
    const learned = learnedIn(fork, keys);
    const changed = this.#watch.taken();
    const bySql = this.#isPlain || changed.length === 0 ? [] : await this.#newBySql();
    return { seen, changed, bySql, learned, lagged: this.#watch.lagged(), ...(error && { error }) };
  }

  async #newBySql(): Promise<readonly string[]> {
    const { writes } = await Spillway.of(this.#orm).status();
    return Object.entries(writes).flatMap(([entity, ways]) => {
      const count = OF_THE_CHANGE.reduce((sum, way) => sum + (ways[way] ?? 0), 0);
      const isNew = count > (this.#bySql.get(entity) ?? 0);
      this.#bySql.set(entity, count);
      return isNew ? [entity] : [];
    });
  }

  /** A program goes on in a new entity manager where it has failed in one, as MikroORM advises. */
  discard(number: number): void {
    this.#forks.delete(number);
  }

  #forkOf(number: number): Fork {
    const fork = this.#forks.get(number) ?? this.#newFork();
    this.#forks.set(number, fork);
    return fork;
  }

  #newFork(): Fork {
    return { em: this.#orm.em.fork(), schemas: this.#schemas, created: new Map() };
  }

  async #act(fork: Fork, act: Act | Nudge, keys: Keys): Promise<Seen> {
    switch (act.do) {
      case 'create':
        return create(fork, act, keys);
      case 'assign': {
        const entity = await find(fork, act.target, keys);
        return entity ? assign(fork, entity, act.values, keys) : 'none';
      }
      case 'remove': {
        const entity = await find(fork, act.target, keys);
        if (!entity) return 'none';
        fork.em.remove(entity);
        fork.created.delete(act.target.tag);
        return 'removed';
      }
      case 'save': {
        const entity = await find(fork, act.target, keys, ONE_FLUSH);
        if (!entity) return 'none';
        const assigned = assign(fork, entity, act.values, keys);
        await this.#save(fork, 'save', entity, act);
        return assigned;
      }
      case 'erase': {
        const entity = await find(fork, act.target, keys, ONE_FLUSH);
        if (!entity) return 'none';
        fork.created.delete(act.target.tag);
        await this.#save(fork, 'remove', entity, act);
        return 'removed';
      }
      case 'patch':
        return this.#patch(act, keys);
      case 'collect':
        return collect(fork, act, keys);
      case 'flush':
        await fork.em.flush();
        return 'flushed';
      case 'clear':
        fork.em.clear();
        fork.created.clear();
        return 'cleared';
      case 'get':
        return get(fork, act, keys);
      case 'getMany':
        return getMany(fork, act, keys);
      case 'query':
        return query(fork, act.query, keys);
      case 'populate': {
        const entity = await find(fork, act.target, keys);
        if (!entity) return 'none';
        await fork.em.populate(entity, [...act.properties] as never, optionsOf(act));
        return observe(entity);
      }
      case 'insert':
        return insert(fork, act, keys);
      case 'upsert':
        return upsert(fork, act, keys);
      case 'nativeUpdate': {
        const where = whereOf(fork, act.kind, act.where, keys);
        const values = data(fork, act.values, keys);
        if (!where || !values) return 'unknown';
        return fork.em.nativeUpdate(schemaOf(fork.schemas, act.kind), where, values, optionsOf(act));
      }
      case 'nativeDelete': {
        const where = whereOf(fork, act.kind, act.where, keys);
        return where ? fork.em.nativeDelete(schemaOf(fork.schemas, act.kind), where, optionsOf(act)) : 'unknown';
      }
      case 'bump':
        return this.#bump(act.target, act.by, keys);
      case 'increment':
        return this.#increment(act.target, act.by, keys);
      case 'signalled':
        return this.#signalled(fork, act, keys);
      case 'transaction':
        return this.#transaction(fork, act, keys);
      case 'drain':
        await Spillway.of(this.#orm).drain();
        return 'drained';
      case 'pause':
        await new Promise((resolve) => setTimeout(resolve, act.ms));
        return 'paused';
    }
  }

  /** Counts as an application does: on a row that it has just read. */
  async #bump(target: Target, by: number, keys: Keys): Promise<Seen> {
    const em = this.#orm.em.fork();
    const page = await em.findOne(schemaOf(this.#schemas, 'Page'), keyOf(target, keys));
    if (!page) return 'none';
    Object.assign(page, {
      hits: Number(Reflect.get(page, 'hits')) + by,
      score: `${Number(Reflect.get(page, 'score')) + by}`,
    });
    await em.flush();
    return observe(page);
  }

  async #increment(target: Target, by: number, keys: Keys): Promise<Seen> {
    const key = keyOf(target, keys) as string;
    if (!this.#isPlain) {
      await Spillway.of(this.#orm).increment(schemaOf(this.#schemas, 'Page'), key, { hits: by });
      return 'incremented';
    }
    const rows = await this.#orm.em
      .fork()
      .nativeUpdate(schemaOf(this.#schemas, 'Page'), key, { hits: raw('hits + ?', [by]) });
    if (rows === 0) throw new Unlicensed('an increment of a row that is gone is a dead letter ROW_MISSING');
    return 'incremented';
  }

  async #save(
    fork: Fork,
    call: 'save' | 'remove',
    entity: object,
    { target, written }: Act & { do: 'save' | 'erase' },
  ): Promise<void> {
    if (this.#isPlain) {
      await (call === 'save' ? fork.em.persist(entity) : fork.em.remove(entity)).flush();
      return;
    }
    const repository = fork.em.getRepository(schemaOf(fork.schemas, target.kind)) as SpillwayRepository<object>;
    const receipt = await repository[call](entity);
    if (written && this.#hasWorker) await receipt.written();
  }

  /** Changes a row that nobody has loaded. */
  async #patch({ target, values }: Act & { do: 'patch' }, keys: Keys): Promise<Seen> {
    const fork = this.#newFork();
    const [schema, key, changes] = [schemaOf(fork.schemas, target.kind), keyOf(target, keys), data(fork, values, keys)];
    if (key === undefined || changes === undefined) return 'unknown';
    if (!this.#isPlain) {
      await Spillway.of(this.#orm).patch(schema, key, changes);
      return 'patched';
    }
    if ((await fork.em.nativeUpdate(schema, key, changes)) === 0)
      throw new Unlicensed('a patch of a row that is gone is a dead letter ROW_MISSING');
    return 'patched';
  }

  /** Numbers that its rows have been given are known to the program; its entities stay in its own entity manager. */
  async #signalled(fork: Fork, act: Act & { do: 'signalled' }, keys: Keys): Promise<Seen> {
    const em = this.#orm.em.fork({ signal: signalOf(act.signal) });
    const inner: Fork = { em, schemas: fork.schemas, created: new Map() };
    const seen: Seen[] = [];
    for (const each of act.acts) seen.push(await this.#act(inner, each, { ...keys, ...learnedIn(inner, keys) }));
    for (const [tag, { kind, entity }] of inner.created)
      fork.created.set(tag, { kind, entity: { id: Reflect.get(entity, 'id') as unknown } });
    return seen;
  }

  async #transaction(fork: Fork, act: Act & { do: 'transaction' }, keys: Keys): Promise<Seen> {
    const seen: Seen[] = [];
    const options = act.holds && !this.#isPlain ? ({ spillway: 'stage' } as const) : {};
    try {
      await fork.em.transactional(async (em) => {
        const inner: Fork = { ...fork, em: em, created: new Map(fork.created) };
        for (const each of act.acts) {
          if (each.do === 'transaction') seen.push(await this.#nested(inner, { ...each, holds: act.holds }, keys));
          else seen.push(await this.#act(inner, each, { ...keys, ...learnedIn(inner, keys) }));
        }
        if (act.end === 'rollback') throw new Rollback();
        for (const [tag, created] of inner.created) fork.created.set(tag, created);
      }, options);
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
      fork.em.clear();
      fork.created.clear();
      seen.push('rolled back');
    }
    return seen;
  }

  /** A transaction in a transaction that fails is rolled back to its savepoint; the outer one goes on. */
  async #nested(fork: Fork, act: Act & { do: 'transaction' }, keys: Keys): Promise<Seen> {
    try {
      return await this.#transaction(fork, act, keys);
    } catch (error) {
      const { name, kind } = errorOf(error);
      if (kind === 'unlicensed') throw error;
      // What is held is refused when it is written, if it is a constraint or what only the database can tell.
      if (act.holds && this.#isPlain && (kind === 'constraint' || name === 'OptimisticLockError'))
        throw new Unlicensed(`${name} in a savepoint of a holding transaction`);
      fork.em.clear();
      fork.created.clear();
      return { failed: name };
    }
  }
}

function errorOf(cause: unknown): NonNullable<Observation['error']> {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const name = error.constructor.name;
  const isConstraint = error instanceof DriverException && name.endsWith('ViolationException');
  return {
    name,
    message: error.message,
    kind: error instanceof Unlicensed ? 'unlicensed' : isConstraint ? 'constraint' : 'other',
  };
}
