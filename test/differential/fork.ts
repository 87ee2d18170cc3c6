/**
 * One entity manager of a program, and what its acts need of it: the rows that they name, and values as MikroORM takes
 * them.
 */
import { Utils, type FlushMode, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import type { Schemas } from './entities.js';
import { keyOf, NUMBERED, type Key, type Keys } from './keys.js';
import type { KindName, ReadName, Signal, Tag, Target, Value, Values } from './steps.js';

export interface Fork {
  readonly em: EntityManager;
  readonly schemas: Schemas;
  /** What was created in it: entities that may have no key yet. */
  readonly created: Map<Tag, Created>;
}

interface Created {
  readonly kind: KindName;
  readonly entity: object;
}

/** An entity as the program has it: what it has created in this entity manager, or what is found by its key. */
export async function find(
  fork: Fork,
  target: Target,
  keys: Keys,
  options: { readonly flushMode?: FlushMode } = {},
): Promise<object | undefined> {
  const created = fork.created.get(target.tag)?.entity;
  if (created && Utils.isEntity(created)) return created;
  const key = keyOf(target, keys);
  if (key === undefined) return undefined;
  return (
    ((await fork.em.findOne(schemaOf(fork.schemas, target.kind), key, { ...options, filters: false })) as
      | object
      | null) ?? undefined
  );
}

export function reference(fork: Fork, target: Target, keys: Keys): object | undefined {
  const created = fork.created.get(target.tag)?.entity;
  if (created && Utils.isEntity(created)) return created;
  const key = keyOf(target, keys);
  return key === undefined
    ? undefined
    : (fork.em.getReference(schemaOf(fork.schemas, target.kind), key as never) as object);
}

/** Values as MikroORM takes them; nothing, if one of them is a row that has no key yet. */
export function data(fork: Fork, values: Values, keys: Keys, byKey = false): Record<string, unknown> | undefined {
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

/** What a new row is known by: its key, where the program gives it, and its tag, where it has one. */
export function ownKey(fork: Fork, target: Target, keys: Keys): object {
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

/** The signal that an application would give to a call or to an entity manager. */
export function signalOf(signal: Signal): AbortSignal {
  return signal === 'aborted' ? AbortSignal.abort() : new AbortController().signal;
}

export function learnedIn(fork: Fork, keys: Keys): Record<Tag, Key> {
  const learned: Record<Tag, Key> = {};
  for (const [tag, { kind, entity }] of fork.created) {
    const id: unknown = Reflect.get(entity, 'id');
    if (NUMBERED[kind] === undefined || id == null) continue;
    const key = typeof id === 'bigint' ? String(id) : (id as Key);
    if (keys[tag] !== key) learned[tag] = key;
  }
  return learned;
}

export function keyName(kind: KindName): string {
  return kind === 'Page' ? 'path' : 'id';
}

export function schemaOf(schemas: Schemas, kind: ReadName): EntitySchema {
  const schema = schemas[kind];
  if (!schema) throw new Error(`There is no entity ${kind}.`);
  return schema;
}
