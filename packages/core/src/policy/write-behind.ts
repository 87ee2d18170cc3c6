import { isDeepStrictEqual } from 'node:util';
import { SpillwayError } from '../errors.js';
import type { AnyEntity, CounterName, EntityOf, PolicyClass } from './entity-types.js';
import { describeValue } from './describe-value.js';
import { readPolicy } from './read-policy.js';
import type { StoredPolicy, WritePolicy } from './write-policy.js';

/** Where a class carries its policy. Of the global registry, so that two copies of this package in one process agree. */
const POLICY: unique symbol = Symbol.for('spillway.policy');

/**
 * Makes changes of an entity write-behind: staged at once, written to the database in bulk a moment later. Stands on the entity class or on its repository class, as a
 * legacy or as a standard decorator, before or after `@Entity`. A subclass does not inherit it.
 *
 * @example
 * ```ts
 * @Entity()
 * @WriteBehind({ debounce: '50ms', counters: ['views'] })
 * class Product { … }
 *
 * WriteBehind({ debounce: '50ms' })(ProductSchema.class); // for defineEntity and EntitySchema, once the class is set
 * ```
 *
 * Name the entity, `WriteBehind<Product>({ … })`, for completion of its properties and for a conflict function that knows its types.
 *
 * @throws SpillwayError `CONFIG_INVALID` for an option that is unknown or outside its limits, and if the class carries another policy already. What depends on the entity's
 * properties is checked when the ORM discovers it.
 */
export function WriteBehind<
  Entity extends object = AnyEntity,
  const Counter extends CounterName<Entity> = CounterName<Entity>,
>(policy: WritePolicy<Entity, Counter> = {}): PolicyDecorator<Entity, Counter> {
  return (target) => attach(target, policy);
}

/** The policy that stands on this very class, not on one that it extends. */
export function policyOn(target: PolicyClass): StoredPolicy | undefined {
  return Object.hasOwn(target, POLICY) ? (target as PolicyCarrier)[POLICY] : undefined;
}

/** A class decorator of either kind. Its parameter is where the compiler checks the policy against the class. */
export type PolicyDecorator<Entity extends object, Counter extends string> = <Target extends PolicyClass>(
  target: Target & Fits<EntityOf<Target>, Entity, Counter>,
  context?: { readonly kind: 'class' },
) => void;

/** `unknown` if the policy fits the entity; otherwise a type that no class has, named so that the compiler's message explains itself. */
type Fits<Actual, Entity, Counter extends string> = string extends keyof Entity
  ? FitsCounters<Actual, Counter>
  : [Actual] extends [Entity]
    ? FitsCounters<Actual, Counter>
    : PolicyOfAnotherEntity<Entity>;

type FitsCounters<Actual, Counter extends string> = string extends Counter
  ? unknown
  : [Exclude<Counter, CounterName<Actual>>] extends [never]
    ? unknown
    : NotANumericProperty<Exclude<Counter, CounterName<Actual>>, CounterName<Actual>>;

/** The compiler names this type where `counters` holds something else than numeric properties. */
export interface NotANumericProperty<Given, NumericProperties> {
  readonly 'counters must name numeric properties of the entity': readonly [Given, NumericProperties];
}

/** The compiler names this type where a policy that is written for one entity stands on another. */
export interface PolicyOfAnotherEntity<Entity> {
  readonly 'the policy is for another entity': Entity;
}

interface PolicyCarrier extends PolicyClass {
  readonly [POLICY]?: StoredPolicy;
}

function attach(target: PolicyClass, policy: StoredPolicy): void {
  refuseAnythingButClasses(target);
  readPolicy(`the policy of ${target.name}`, policy);
  const before = policyOn(target);
  if (before === undefined) {
    Object.defineProperty(target, POLICY, { value: Object.freeze({ ...policy }) });
  } else if (!isDeepStrictEqual(before, policy)) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${target.name} carries two different @WriteBehind policies. Keep one of them`,
    );
  }
}

/** Callers without types may hand over a schema. */
function refuseAnythingButClasses(target: unknown): void {
  if (typeof target !== 'function') {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `@WriteBehind stands on ${describeValue(target)}; it must stand on a class. For a schema, call it with the schema's class: WriteBehind(policy)(Schema.class)`,
    );
  }
}
