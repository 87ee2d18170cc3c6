import {
  DriverException,
  raw,
  Utils,
  type EntityManager,
  type EntitySchema,
  type MikroORM,
} from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import type { Schemas } from './entities.js';
import type { OpenedOrm } from './open-orm.js';
import { keyOf, NUMBERED, type Key, type Keys } from './keys.js';
import { Unlicensed, type FlushWatch } from './licence.js';
import { observe, type Seen } from './observe.js';
import type { Act, KindName, Nudge, Query, Tag, Target, Value, Values } from './steps.js';

/** What came of one step. */
export interface Observation {
  readonly seen: Seen;
  /** What flushes have changed meanwhile. */
  readonly changed: readonly Seen[];
  /** Whether the machine was too slow for what a transaction does. */
  readonly lagged: boolean;
  /** Numbers that rows have been given. */
  readonly learned: Readonly<Record<Tag, Key>>;
  readonly error?: {
    readonly name: string;
    readonly message: string;
    readonly kind: 'constraint' | 'unlicensed' | 'other';
  };
}

interface Fork {
  readonly em: EntityManager;
  readonly schemas: Schemas;
  /** What was created in it: entities that may have no key yet. */
  readonly created: Map<Tag, Created>;
}

interface Created {
  readonly kind: KindName;
  readonly entity: object;
}

class Rollback extends Error {}

/** One process in one world: does what it is told, in the entity manager that it is told. */
export class Actor {
  readonly #orm: MikroORM;
  readonly #schemas: Schemas;
  readonly #watch: FlushWatch;
  readonly #isPlain: boolean;
  readonly #forks = new Map<number, Fork>();

  constructor({ orm, schemas, watch }: OpenedOrm, isPlain: boolean) {
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
    return { seen, changed: this.#watch.taken(), learned, lagged: this.#watch.lagged(), ...(error && { error }) };
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
        await fork.em.populate(entity, [...act.properties] as never);
        return observe(entity);
      }
      case 'insert':
        return insert(fork, act.rows, keys);
      case 'upsert':
        return upsert(fork, act.rows, keys);
      case 'nativeUpdate': {
        const where = whereOf(fork, act.kind, act.where, keys);
        const values = data(fork, act.values, keys);
        return where && values ? fork.em.nativeUpdate(schemaOf(fork.schemas, act.kind), where, values) : 'unknown';
      }
      case 'nativeDelete': {
        const where = whereOf(fork, act.kind, act.where, keys);
        return where ? fork.em.nativeDelete(schemaOf(fork.schemas, act.kind), where) : 'unknown';
      }
      case 'bump':
        return this.#bump(act.target, act.by, keys);
      case 'increment':
        return this.#increment(act.target, act.by, keys);
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

  async #transaction(fork: Fork, act: Act & { do: 'transaction' }, keys: Keys): Promise<Seen> {
    const seen: Seen[] = [];
    try {
      await fork.em.transactional(async (em) => {
        const inner: Fork = { ...fork, em: em, created: new Map(fork.created) };
        for (const each of act.acts) {
          if (each.do === 'transaction') seen.push(await this.#nested(inner, each, keys));
          else seen.push(await this.#act(inner, each, { ...keys, ...learnedIn(inner, keys) }));
        }
        if (act.end === 'rollback') throw new Rollback();
        for (const [tag, created] of inner.created) fork.created.set(tag, created);
      });
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
      fork.em.clear();
      fork.created.clear();
      return { failed: name };
    }
  }
}

function create(fork: Fork, { target, values }: Act & { do: 'create' }, keys: Keys): Seen {
  const content = data(fork, values, keys);
  if (!content) return 'unknown';
  const entity = fork.em.create(schemaOf(fork.schemas, target.kind), {
    ...content,
    ...ownKey(fork, target, keys),
  } as never) as object;
  fork.created.set(target.tag, { kind: target.kind, entity });
  return 'created';
}

/** What a new row is known by: its key, where the program gives it, and its tag, where it has one. */
function ownKey(fork: Fork, target: Target, keys: Keys): object {
  if (target.kind === 'Page') return { path: keys[target.tag] };
  if (target.kind === 'Enrolment') {
    const [person = '', course = ''] = target.tag.split('+');
    const parts = {
      person: reference(fork, { kind: 'Person', tag: person }, keys),
      course: reference(fork, { kind: 'Course', tag: course }, keys),
    };
    return parts;
  }
  return { tag: target.tag, ...(NUMBERED[target.kind] === undefined && { id: keys[target.tag] }) };
}

function assign(fork: Fork, entity: object, values: Values, keys: Keys): Seen {
  const content = data(fork, values, keys);
  if (!content) return 'unknown';
  fork.em.assign(entity, content as never);
  return 'assigned';
}

async function collect(fork: Fork, act: Act & { do: 'collect' }, keys: Keys): Promise<Seen> {
  const entity = await find(fork, act.target, keys);
  if (!entity) return 'none';
  const members = act.members.map((member) => reference(fork, member, keys));
  if (members.includes(undefined)) return 'unknown';
  const collection = Reflect.get(entity, act.property) as {
    init(): Promise<unknown>;
    isInitialized(): boolean;
    add(members: unknown[]): void;
    remove(members: unknown[]): void;
    set(members: unknown[]): void;
  };
  if (!collection.isInitialized()) await collection.init();
  collection[act.by](members);
  return act.by;
}

async function get(fork: Fork, { target, by }: Act & { do: 'get' }, keys: Keys): Promise<Seen> {
  const key = keyOf(target, keys);
  if (key === undefined) return 'unknown';
  if (by === 'findOne') return observe(await fork.em.findOne(schemaOf(fork.schemas, target.kind), key));
  if (by === 'findOneOrFail') return observe(await fork.em.findOneOrFail(schemaOf(fork.schemas, target.kind), key));
  const entity = await find(fork, target, keys);
  return entity ? observe(await fork.em.refresh(entity)) : 'none';
}

async function getMany(fork: Fork, { kind, tags }: Act & { do: 'getMany' }, keys: Keys): Promise<Seen> {
  const known = tags.map((target) => keyOf(target, keys)).filter((key) => key !== undefined);
  if (known.length === 0) return 'unknown';
  const where = kind === 'Enrolment' ? known[0] : { [keyName(kind)]: { $in: known } };
  return bag(await fork.em.find(schemaOf(fork.schemas, kind), where));
}

async function query(fork: Fork, asked: Query, keys: Keys): Promise<Seen> {
  const where = data(fork, asked.where, keys);
  if (!where) return 'unknown';
  const { kind, ask, orderBy, limit, offset, populate, strategy, refresh, fields } = asked;
  const schema = schemaOf(fork.schemas, kind);
  const options = {
    ...(orderBy && { orderBy }),
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
    ...(populate && { populate }),
    ...(strategy && { strategy }),
    ...(refresh && { refresh }),
    ...(fields && { fields }),
  } as never;
  if (ask === 'count') return fork.em.count(schema, where);
  if (ask === 'findOne') return observe(await fork.em.findOne(schema, where, options));
  const list = (found: object[]): Seen => (orderBy ? found.map((each) => observe(each)) : bag(found));
  if (ask === 'find') return list(await fork.em.find(schema, where, options));
  const [found, count] = await fork.em.findAndCount(schema, where, options);
  return { found: list(found), count };
}

type Rows = readonly { readonly target: Target; readonly values: Values }[];

async function insert(fork: Fork, rows: Rows, keys: Keys): Promise<Seen> {
  const made = contentOf(fork, rows, keys);
  const [first] = made ?? [];
  if (!made || !first) return 'unknown';
  const { kind } = first.target;
  const schema = schemaOf(fork.schemas, kind);
  const contents = made.map(({ content }) => content) as never[];
  const answers: unknown[] =
    made.length === 1 ? [await fork.em.insert(schema, contents[0])] : await fork.em.insertMany(schema, contents);
  // A number is learned as if the row had been created as an entity.
  for (const [index, { target }] of made.entries())
    if (NUMBERED[kind] !== undefined) fork.created.set(target.tag, { kind, entity: { id: answers[index] } });
  return NUMBERED[kind] === undefined ? observe(answers) : 'inserted';
}

async function upsert(fork: Fork, rows: Rows, keys: Keys): Promise<Seen> {
  const made = contentOf(fork, rows, keys);
  const [first] = made ?? [];
  if (!made || !first) return 'unknown';
  const schema = schemaOf(fork.schemas, first.target.kind);
  const contents = made.map(({ content }) => content) as never[];
  if (made.length === 1) return observe(await fork.em.upsert(schema, contents[0]));
  return bag(await fork.em.upsertMany(schema, contents));
}

function contentOf(
  fork: Fork,
  rows: Rows,
  keys: Keys,
): readonly { readonly target: Target; readonly content: object }[] | undefined {
  const made = rows.flatMap(({ target, values }) => {
    const content = data(fork, values, keys, true);
    const key = target.kind === 'Enrolment' ? keyOf(target, keys) : ownKey(fork, target, keys);
    return content && key ? [{ target, content: { ...content, ...(key as object) } }] : [];
  });
  return made.length === rows.length ? made : undefined;
}

function whereOf(fork: Fork, kind: KindName, where: Values | readonly Target[], keys: Keys): object | undefined {
  if (!isTargets(where)) return data(fork, where, keys);
  const known = where.map((target) => keyOf(target, keys)).filter((key) => key !== undefined);
  const [first] = known;
  if (first === undefined) return undefined;
  if (kind === 'Enrolment') return first as object;
  return { [keyName(kind)]: known.length === 1 ? first : { $in: known } };
}

function isTargets(where: Values | readonly Target[]): where is readonly Target[] {
  return Array.isArray(where);
}

/** An entity as the program has it: what it has created in this entity manager, or what is found by its key. */
async function find(fork: Fork, target: Target, keys: Keys): Promise<object | undefined> {
  const created = fork.created.get(target.tag)?.entity;
  if (created && Utils.isEntity(created)) return created;
  const key = keyOf(target, keys);
  if (key === undefined) return undefined;
  return ((await fork.em.findOne(schemaOf(fork.schemas, target.kind), key)) as object | null) ?? undefined;
}

function reference(fork: Fork, target: Target, keys: Keys): object | undefined {
  const created = fork.created.get(target.tag)?.entity;
  if (created && Utils.isEntity(created)) return created;
  const key = keyOf(target, keys);
  return key === undefined
    ? undefined
    : (fork.em.getReference(schemaOf(fork.schemas, target.kind), key as never) as object);
}

/** Values as MikroORM takes them; nothing, if one of them is a row that has no key yet. */
function data(fork: Fork, values: Values, keys: Keys, byKey = false): Record<string, unknown> | undefined {
  let isKnown = true;
  const convert = (value: Value): unknown => {
    if (Array.isArray(value)) return value.map(convert);
    if (typeof value !== 'object' || value === null) return value;
    const content = value as { readonly [name: string]: Value };
    if (typeof content['$date'] === 'string') return new Date(content['$date']);
    if ('$row' in content) {
      const target = content['$row'] as unknown as Target;
      const found = byKey ? keyOf(target, keys) : reference(fork, target, keys);
      isKnown &&= found !== undefined;
      return found;
    }
    return Object.fromEntries(Object.entries(content).map(([name, part]) => [name, convert(part)]));
  };
  const converted = convert(values) as Record<string, unknown>;
  return isKnown ? converted : undefined;
}

function learnedIn(fork: Fork, keys: Keys): Record<Tag, Key> {
  const learned: Record<Tag, Key> = {};
  for (const [tag, { kind, entity }] of fork.created) {
    const id: unknown = Reflect.get(entity, 'id');
    if (NUMBERED[kind] === undefined || id == null) continue;
    const key = typeof id === 'bigint' ? String(id) : (id as Key);
    if (keys[tag] !== key) learned[tag] = key;
  }
  return learned;
}

function bag(found: readonly object[]): Seen {
  return { $bag: found.map((each) => observe(each)) };
}

function keyName(kind: KindName | 'Pet'): string {
  return kind === 'Page' ? 'path' : 'id';
}

function schemaOf(schemas: Schemas, kind: KindName | 'Pet'): EntitySchema {
  const schema = schemas[kind];
  if (!schema) throw new Error(`There is no entity ${kind}.`);
  return schema;
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
