/**
 * What can be told of an entity from its class alone, in types. They are structural, because this room knows nothing of the ORM: whatever has the shape of an
 * entity class, a schema or a repository is one.
 */

/** Any entity: the one that a policy is for when nothing says more. */
export type AnyEntity = Record<string, unknown>;

/** Something that a policy can stand on: an entity class or a repository class. Constructors may be private, so the prototype is what makes it a class. */
export interface PolicyClass {
  readonly name: string;
  readonly prototype: object;
}

/** A schema made with `EntitySchema` or `defineEntity`. */
export interface PolicySchema {
  readonly class: PolicyClass;
}

export type PolicyTarget = PolicyClass | PolicySchema;

/** The entity that a policy on this target is for. A schema's class has no typed prototype, an abstract or private one has no constructor, so both are asked. */
export type EntityOf<Target> = Target extends { readonly class: infer Class }
  ? EntityOf<Class>
  : Target extends abstract new (...args: never[]) => infer Instance
    ? EntityOfInstance<Instance>
    : Target extends { readonly prototype: infer Instance }
      ? EntityOfInstance<Instance>
      : never;

type EntityOfInstance<Instance> = Instance extends RepositoryOf<infer Entity> ? Entity : Instance;

/** By this a repository is known: it turns rows into entities and has an entity manager. */
interface RepositoryOf<Entity> {
  map(row: never): Entity;
  getEntityManager(): unknown;
}

export type PropertyName<Entity> = Extract<keyof Entity, string>;

/**
 * Names of properties that can count: `number`, `bigint`, or a text that can only be a number (`` `${number}` ``, for `decimal` and `bigint` columns that the ORM
 * gives as texts). A plain `string` is no counter, since a product's name is one too, nor is a property that can be `null`, for `null` plus one is not one.
 */
export type CounterName<Entity> = string extends keyof Entity
  ? string
  : { [Name in PropertyName<Entity>]-?: IsCounter<Entity[Name]> extends true ? Name : never }[PropertyName<Entity>];

type IsCounter<Value> = [Exclude<Value, undefined>] extends [never]
  ? false
  : [Exclude<Value, undefined>] extends [number | bigint | `${number}`]
    ? true
    : false;
