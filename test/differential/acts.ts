/** What an act is as calls of MikroORM, and what they answer. */
import { data, find, keyName, ownKey, reference, schemaOf, signalOf, type Fork } from './fork.js';
import { keyOf, NUMBERED, type Keys } from './keys.js';
import { observe, type Seen } from './observe.js';
import type { Act, Filters, KindName, Query, RowsGiven, Signal, Target, Values } from './steps.js';

export function create(fork: Fork, { target, values }: Act & { do: 'create' }, keys: Keys): Seen {
  const content = data(fork, values, keys);
  if (!content) return 'unknown';
  const entity = fork.em.create(schemaOf(fork.schemas, target.kind), {
    ...content,
    ...ownKey(fork, target, keys),
  } as never) as object;
  fork.created.set(target.tag, { kind: target.kind, entity });
  return 'created';
}

export function assign(fork: Fork, entity: object, values: Values, keys: Keys): Seen {
  const content = data(fork, values, keys);
  if (!content) return 'unknown';
  fork.em.assign(entity, content as never);
  return 'assigned';
}

export async function collect(fork: Fork, act: Act & { do: 'collect' }, keys: Keys): Promise<Seen> {
  const entity = await find(fork, act.target, keys);
  if (!entity) return 'none';
  const members = act.members.map((member) => reference(fork, member, keys));
  if (members.includes(undefined)) return 'unknown';
  const collection = Reflect.get(entity, act.property) as {
    isInitialized(): boolean;
    add(members: unknown[]): void;
    remove(members: unknown[]): void;
    set(members: unknown[]): void;
  };
  // Its own init() asks the entity manager that the entity was loaded in: in a transaction, outside of that.
  if (!collection.isInitialized() && !act.unloaded)
    await fork.em.populate(entity, [act.property] as never, { filters: false });
  collection[act.by](members);
  return act.by;
}

export async function get(fork: Fork, { target, by, isFiltered }: Act & { do: 'get' }, keys: Keys): Promise<Seen> {
  const key = keyOf(target, keys);
  if (key === undefined) return 'unknown';
  const schema = schemaOf(fork.schemas, target.kind);
  const options = isFiltered ? {} : ({ filters: false } as const);
  if (by === 'findOne') return observe(await fork.em.findOne(schema, key, options));
  if (by === 'findOneOrFail') return observe(await fork.em.findOneOrFail(schema, key, options));
  const entity = await find(fork, target, keys);
  return entity ? observe(await fork.em.refresh(entity, options)) : 'none';
}

export async function getMany(fork: Fork, { kind, tags }: Act & { do: 'getMany' }, keys: Keys): Promise<Seen> {
  const known = tags.map((target) => keyOf(target, keys)).filter((key) => key !== undefined);
  if (known.length === 0) return 'unknown';
  const where = kind === 'Enrolment' ? known[0] : { [keyName(kind)]: { $in: known } };
  return bag(await fork.em.find(schemaOf(fork.schemas, kind), where, { filters: false }));
}

export async function query(fork: Fork, asked: Query, keys: Keys): Promise<Seen> {
  const where = data(fork, asked.where, keys);
  if (!where) return 'unknown';
  const { kind, ask, orderBy, limit, offset, populate, strategy, refresh, fields } = asked;
  const schema = schemaOf(fork.schemas, kind);
  const options = {
    ...orderOf(asked),
    ...(limit !== undefined && { limit }),
    ...(offset !== undefined && { offset }),
    ...(populate && { populate }),
    ...(strategy && { strategy }),
    ...(refresh && { refresh }),
    ...(fields && { fields }),
    ...optionsOf(asked),
  } as never;
  if (ask === 'count') return fork.em.count(schema, where, optionsOf(asked) as never);
  if (ask === 'findOne') return observe(await fork.em.findOne(schema, where, options));
  const list = (found: object[]): Seen => (orderBy ? found.map((each) => observe(each)) : bag(found));
  if (ask === 'find') return list(await fork.em.find(schema, where, options));
  const [found, count] = await fork.em.findAndCount(schema, where, options);
  return { found: list(found), count };
}

/**
 * A note and its polymorphic subject, joined, may lead to one person. MikroORM makes two instances of that row, and the
 * order of the notes tells which of them is loaded, so notes come in one order.
 */
function orderOf({ kind, orderBy, populate }: Query): object {
  if (orderBy) return { orderBy };
  return kind === 'Note' && populate ? { orderBy: { tag: 'asc' } } : {};
}

/** What a call is given beside its content. */
export function optionsOf({ filters, signal }: { readonly filters?: Filters; readonly signal?: Signal }): object {
  return { ...(filters !== undefined && { filters }), ...(signal && { signal: signalOf(signal) }) };
}

export async function insert(fork: Fork, { rows, signal }: Act & { do: 'insert' }, keys: Keys): Promise<Seen> {
  const made = contentOf(fork, rows, keys);
  const [first] = made ?? [];
  if (!made || !first) return 'unknown';
  const { kind } = first.target;
  const schema = schemaOf(fork.schemas, kind);
  const contents = made.map(({ content }) => content) as never[];
  const options = optionsOf({ ...(signal && { signal }) });
  const answers: unknown[] =
    made.length === 1
      ? [await fork.em.insert(schema, contents[0], options)]
      : await fork.em.insertMany(schema, contents, options);
  // A number is learned as if the row had been created as an entity.
  for (const [index, { target }] of made.entries())
    if (NUMBERED[kind] !== undefined) fork.created.set(target.tag, { kind, entity: { id: answers[index] } });
  return NUMBERED[kind] === undefined ? observe(answers) : 'inserted';
}

export async function upsert(fork: Fork, { rows, signal }: Act & { do: 'upsert' }, keys: Keys): Promise<Seen> {
  const made = contentOf(fork, rows, keys);
  const [first] = made ?? [];
  if (!made || !first) return 'unknown';
  const schema = schemaOf(fork.schemas, first.target.kind);
  const contents = made.map(({ content }) => content) as never[];
  const options = optionsOf({ ...(signal && { signal }) });
  if (made.length === 1) return observe(await fork.em.upsert(schema, contents[0], options));
  return bag(await fork.em.upsertMany(schema, contents, options));
}

function contentOf(
  fork: Fork,
  rows: RowsGiven,
  keys: Keys,
): readonly { readonly target: Target; readonly content: object }[] | undefined {
  const made = rows.flatMap(({ target, values }) => {
    const content = data(fork, values, keys, true);
    const key = target.kind === 'Enrolment' ? keyOf(target, keys) : ownKey(fork, target, keys);
    return content && key ? [{ target, content: { ...content, ...(key as object) } }] : [];
  });
  return made.length === rows.length ? made : undefined;
}

export function whereOf(fork: Fork, kind: KindName, where: Values | readonly Target[], keys: Keys): object | undefined {
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

function bag(found: readonly object[]): Seen {
  return { $bag: found.map((each) => observe(each)) };
}
