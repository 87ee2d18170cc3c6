/**
 * Types that describe an entity by its class alone. They are structural, because this room does not import the ORM: any
 * value with the shape of an entity class, a schema or a repository is one.
 */

/** Any entity: the type of a policy that names none. */
export type AnyEntity = Record<string, unknown>;

/**
 * An entity class or a repository class, which can carry a policy. Constructors may be private, so the prototype makes
 * it a class.
 */
export interface PolicyClass {
  readonly name: string;
  readonly prototype: object;
}

/** A schema made with `EntitySchema` or `defineEntity`. */
export interface PolicySchema {
  readonly class: PolicyClass;
}

export type PolicyTarget = PolicyClass | PolicySchema;

/**
 * The entity that a policy on this target is for. A schema's class has no typed prototype, and an abstract or private
 * class has no constructor, so the type looks at both.
 */
export type EntityOf<Target> = Target extends { readonly class: infer Class }
  ? EntityOf<Class>
  : Target extends abstract new (...args: never[]) => infer Instance
    ? EntityOfInstance<Instance>
    : Target extends { readonly prototype: infer Instance }
      ? EntityOfInstance<Instance>
      : never;

type EntityOfInstance<Instance> = Instance extends RepositoryOf<infer Entity> ? Entity : Instance;

/** Marks a repository: it turns rows into entities and has an entity manager. */
interface RepositoryOf<Entity> {
  map(row: never): Entity;
  getEntityManager(): unknown;
}

export type PropertyName<Entity> = Extract<keyof Entity, string>;

/**
 * Names of properties that can count: `number`, `bigint`, or a text that can only be a number (`` `${number}` ``, for
 * `decimal` and `bigint` columns that the ORM gives as texts). A plain `string` is no counter, since a product's name
 * is one too. A property that can be `null` is none either, because `null` plus one is `null`.
 */
export type CounterName<Entity> = string extends keyof Entity
  ? string
  : { [Name in PropertyName<Entity>]-?: IsCounter<Entity[Name]> extends true ? Name : never }[PropertyName<Entity>];

type IsCounter<Value> = [Exclude<Value, undefined>] extends [never]
  ? false
  : [Exclude<Value, undefined>] extends [number | bigint | `${number}`]
    ? true
    : false;
