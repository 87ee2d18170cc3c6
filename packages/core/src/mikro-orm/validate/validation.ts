import {
  ChangeSetType,
  isRaw,
  ReferenceKind,
  type AnyEntity,
  type ChangeSet,
  type EntityMetadata,
  type EntityProperty,
  type Platform,
} from '@mikro-orm/core';
import type { ValidateOptions } from '../../policy/write-policy.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { candidateOf, isRelation, objectOf } from './candidate.js';
import { ValidationFailedError, type ValidationIssue } from './validation-error.js';

type Data = Readonly<Record<string, unknown>>;

interface Given {
  readonly meta: EntityMetadata;
  readonly object: object;
  /** The part that has to be valid: all of it, or these properties, each with all its parts. */
  readonly scope: 'whole' | ReadonlySet<string>;
  /** True for a new row, which may leave out values that the database puts in. */
  readonly isNew: boolean;
}

/**
 * Runs class-validator over entities and rows before they are staged or written: the whole of a new row, the changed
 * properties of an existing one. Relations are never looked at, so that no other entity is validated on the way, and no
 * collection is loaded. A class without its decorators costs nothing.
 */
export class Validation {
  readonly #types: TypeRegistry;
  readonly #platform: Platform;
  readonly #decorated = new Map<unknown, boolean>();

  constructor(types: TypeRegistry, platform: Platform) {
    this.#types = types;
    this.#platform = platform;
  }

  /** @throws ValidationFailedError with the errors of all of them */
  async changeSets(changeSets: readonly ChangeSet<AnyEntity>[]): Promise<void> {
    const written = changeSets.filter(
      ({ type }) => type !== ChangeSetType.DELETE && type !== ChangeSetType.DELETE_EARLY,
    );
    await this.#refuse(
      written.map(({ entity, meta, type, payload }) => {
        const isNew = type === ChangeSetType.CREATE;
        const changed = new Set(Object.keys(payload).map((name) => rootOf(meta, name)));
        return { meta, object: entity, scope: isNew ? 'whole' : changed, isNew };
      }),
    );
  }

  /**
   * The same for rows that are given as data. Expressions (`raw()`) are left out, since only the database knows their
   * values, and getters are not part of a row.
   * @param isSnapshot the values are in database form, because they come from an entity
   */
  async rows(meta: EntityMetadata, rows: readonly Data[], kind: 'new' | 'changed', isSnapshot = false): Promise<void> {
    if (!this.#optionsOf(meta)) return;
    await this.#refuse(
      rows.map((row) => {
        const given = Object.entries(row).filter(([, value]) => !isRaw(value));
        const data = given.map(
          ([name, value]) => [name, isSnapshot ? this.#inEntity(meta, name, value) : value] as const,
        );
        const names = kind === 'new' ? [...persistent(meta), ...Object.keys(row)] : Object.keys(row);
        return {
          meta,
          object: objectOf(meta, Object.fromEntries(data)),
          scope: new Set(names.filter((name) => !isRaw(row[name])).map((name) => rootOf(meta, name))),
          isNew: kind === 'new',
        };
      }),
    );
  }

  async #refuse(given: readonly Given[]): Promise<void> {
    const wanted = given.flatMap((each) => {
      const options = this.#optionsOf(each.meta);
      return options ? [{ ...each, options }] : [];
    });
    const validator = wanted.length > 0 ? await classValidator() : undefined;
    if (!validator) return;
    const found = await Promise.all(
      wanted.map(async (each) =>
        this.#isDecorated(each.object, each.options, validator) ? issuesOf(each, each.options, validator) : [],
      ),
    );
    const names = wanted.filter((_, index) => (found[index]?.length ?? 0) > 0).map(({ meta }) => meta.className);
    if (names.length > 0) throw new ValidationFailedError([...new Set(names)].join(', '), found.flat());
  }

  #optionsOf(meta: EntityMetadata): ValidateOptions | undefined {
    return (this.#types.of(meta) ?? this.#types.through(meta))?.policy.validate || undefined;
  }

  #isDecorated(object: object, { groups, always, strictGroups }: ValidateOptions, validator: ClassValidator): boolean {
    const target = object.constructor;
    const known = this.#decorated.get(target);
    if (known !== undefined) return known;
    const storage = validator.getMetadataStorage();
    const found = storage.getTargetValidationMetadatas(target, '', always ?? false, strictGroups ?? false, groups);
    this.#decorated.set(target, found.length > 0);
    return found.length > 0;
  }

  #inEntity(meta: EntityMetadata, name: string, value: unknown): unknown {
    const property = meta.properties[name];
    if (value === null || value === undefined || property?.kind !== ReferenceKind.SCALAR) return value;
    return property.customType ? property.customType.convertToJSValue(value, this.#platform) : value;
  }
}

async function issuesOf(
  { meta, object, scope, isNew }: Given,
  options: ValidateOptions,
  validator: ClassValidator,
): Promise<readonly ValidationIssue[]> {
  const views = new Map<object, object>();
  const isAsked = (name: string): boolean => scope === 'whole' || scope.has(name);
  const candidate = candidateOf(object, meta, isAsked, views);
  const issues = await validator.validate(candidate, { ...options, forbidUnknownValues: false });
  return issues
    .filter(({ property }) => isAsked(property) && !isRelation(meta.properties[property]))
    .filter(({ property }) => !isNew || !isYetToCome(meta.properties[property], object))
    .map((issue) => ofEntity(issue, views));
}

/** True for a property that the database or MikroORM fills in if it is left out. */
function isYetToCome(property: EntityProperty | undefined, object: object): boolean {
  if (!property || Reflect.get(object, property.name) !== undefined) return false;
  const { defaultRaw, autoincrement, generated, version, onCreate, formula } = property;
  return autoincrement === true || version === true || [defaultRaw, generated, onCreate, formula].some(Boolean);
}

function persistent(meta: EntityMetadata): string[] {
  return meta.props.filter(({ persist }) => persist !== false).map(({ name }) => name);
}

/** An error names the entity, not the view of it that was validated. class-validator's own objects are kept. */
function ofEntity(issue: ValidationIssue, views: ReadonlyMap<object, object>): ValidationIssue {
  const { target, value, children = [] } = issue;
  for (const child of children) ofEntity(child, views);
  const isObject = value !== null && typeof value === 'object';
  return Object.assign(issue, {
    ...(target && { target: views.get(target) ?? target }),
    ...(isObject && { value: views.get(value) ?? value }),
  });
}

/** A change of one part is a change of the embeddable, which is validated whole. */
function rootOf(meta: EntityMetadata, name: string): string {
  let property = meta.properties[name];
  while (property?.embedded) property = meta.properties[property.embedded[0]];
  return property?.name ?? name;
}

/** The part of class-validator that Spillway uses. */
export interface ClassValidator {
  validate(object: object, options: object): Promise<readonly ValidationIssue[]>;
  getMetadataStorage(): {
    getTargetValidationMetadatas(
      target: unknown,
      schema: string,
      always: boolean,
      strictGroups: boolean,
      groups?: readonly string[],
    ): readonly unknown[];
  };
}

let loading: Promise<ClassValidator | undefined> | undefined;

/**
 * class-validator, loaded at the first use; `undefined` if it is not installed, since no entity can then use its
 * decorators.
 */
export function classValidator(): Promise<ClassValidator | undefined> {
  loading ??= load();
  return loading;
}

async function load(): Promise<ClassValidator | undefined> {
  try {
    const loaded = (await import('class-validator')) as unknown as ClassValidator & { default?: ClassValidator };
    return loaded.default?.validate ? loaded.default : loaded;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
