import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';

type Properties = Readonly<Record<string, EntityProperty>>;

const RELATIONS: ReadonlySet<unknown> = new Set([
  ReferenceKind.MANY_TO_ONE,
  ReferenceKind.ONE_TO_ONE,
  ReferenceKind.ONE_TO_MANY,
  ReferenceKind.MANY_TO_MANY,
]);

export function isRelation(property: EntityProperty | undefined): boolean {
  return property !== undefined && RELATIONS.has(property.kind);
}

/**
 * An entity as the validator may see it: without its relations, so that the validator neither walks into other entities
 * nor loads a collection. The same holds for its embeddables. It is a view, not a copy, so that getters work as in the
 * entity.
 *
 * @param isAsked true for a property that has to be valid. Any other property may be a getter over values that are not
 * there, and has no value then
 * @param views notes which object each view is of, to name it in errors
 */
export function candidateOf(
  target: object,
  { properties }: Pick<EntityMetadata, 'properties'>,
  isAsked: (name: string) => boolean,
  views: Map<object, object>,
): object {
  const read = (name: PropertyKey): unknown => {
    if (typeof name !== 'string' || isAsked(name)) return Reflect.get(target, name, target);
    try {
      return Reflect.get(target, name, target);
    } catch {
      return undefined;
    }
  };
  return viewOf(target, properties, read, views);
}

function viewOf(
  target: object,
  properties: Properties,
  read: (name: PropertyKey) => unknown,
  views: Map<object, object>,
): object {
  const seen = (name: PropertyKey): unknown => {
    const property = typeof name === 'string' ? properties[name] : undefined;
    if (isRelation(property)) return undefined;
    const value = read(name);
    if (property?.kind !== ReferenceKind.EMBEDDED) return value;
    return Array.isArray(value)
      ? value.map((part) => nestedView(property, part, views))
      : nestedView(property, value, views);
  };
  const view = new Proxy(target, { get: (_, name) => seen(name) });
  views.set(view, target);
  return view;
}

/** A plain object in the place of an embeddable counts as one. */
function nestedView(property: EntityProperty, part: unknown, views: Map<object, object>): unknown {
  const embedded = embeddedOf({ ...property, array: false }, part);
  if (embedded === null || typeof embedded !== 'object') return embedded;
  const view = viewOf(embedded, nestedProperties(property), (name) => Reflect.get(embedded, name, embedded), views);
  views.set(view, part as object);
  return view;
}

/** Properties of an embeddable by the names that they have in it. */
function nestedProperties(property: EntityProperty): Properties {
  return property.targetMeta?.properties ?? {};
}

/** The object that a row given as data would be: of the entity's class, and nested where values have parts. */
export function objectOf(meta: EntityMetadata, data: Readonly<Record<string, unknown>>): object {
  const object = Object.create(meta.prototype as object) as Record<string, unknown>;
  for (const [name, value] of Object.entries(data)) {
    const property = meta.properties[name];
    if (property?.embedded) define(parentOf(object, meta, property), property.embedded[1], value);
    else define(object, name, property?.kind === ReferenceKind.EMBEDDED ? embeddedOf(property, value) : value);
  }
  return object;
}

/** Data may name a part of an embeddable by its flat name. */
function parentOf(object: Record<string, unknown>, meta: EntityMetadata, property: EntityProperty): object {
  const parent = meta.properties[property.embedded?.[0] ?? ''];
  if (!parent) return object;
  const owner = parent.embedded ? parentOf(object, meta, parent) : object;
  const name = parent.embedded?.[1] ?? parent.name;
  const present: unknown = Reflect.get(owner, name);
  if (present !== null && typeof present === 'object') return present;
  const made = embeddedOf(parent, {}) as object;
  define(owner, name, made);
  return made;
}

function embeddedOf(property: EntityProperty, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((part) => embeddedOf({ ...property, array: false }, part));
  const prototype: unknown = property.targetMeta?.prototype;
  const isPlain = value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain || typeof prototype !== 'object') return value;
  const made = Object.create(prototype) as object;
  for (const [name, part] of Object.entries(value)) {
    const nested = property.targetMeta?.properties[name];
    define(made, name, nested?.kind === ReferenceKind.EMBEDDED ? embeddedOf(nested, part) : part);
  }
  return made;
}

/** Past the setters that MikroORM puts on prototypes. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
