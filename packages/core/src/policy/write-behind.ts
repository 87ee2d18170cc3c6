import { attach } from './attach-policy.js';
import type { AnyEntity, CounterName, EntityOf, PolicyClass } from './entity-types.js';
import type { WritePolicy } from './write-policy.js';

/**
 * Makes changes of an entity write-behind: staged at once, written to the database in bulk a moment later. Stands on
 * the entity class or on its repository class, as a legacy or as a standard decorator, before or after `@Entity`. A
 * subclass does not inherit it.
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
 * Name the entity, `WriteBehind<Product>({ … })`, for completion of its properties and for a conflict function that
 * knows its types.
 *
 * @throws SpillwayError `CONFIG_INVALID` for an option that is unknown or outside its limits, and if the class carries
 * another policy already. Rules about the entity's properties are checked when the ORM discovers it.
 */
export function WriteBehind<
  Entity extends object = AnyEntity,
  const Counter extends CounterName<Entity> = CounterName<Entity>,
>(policy: WritePolicy<Entity, Counter> = {}): PolicyDecorator<Entity, Counter> {
  return (target) => attach(target, policy, 'behind');
}

/** A class decorator of either kind. The compiler checks the policy against the class at its parameter. */
export type PolicyDecorator<Entity extends object, Counter extends string> = <Target extends PolicyClass>(
  target: Target & Fits<EntityOf<Target>, Entity, Counter>,
  context?: { readonly kind: 'class' },
) => void;

/**
 * `unknown` if the policy fits the entity; otherwise a type that no class has, named to explain the compiler's message.
 */
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

/** The compiler names this type where `counters` contains a property that is not numeric. */
export interface NotANumericProperty<Given, NumericProperties> {
  readonly 'counters must name numeric properties of the entity': readonly [Given, NumericProperties];
}

/** The compiler names this type where a policy that is written for one entity stands on another. */
export interface PolicyOfAnotherEntity<Entity> {
  readonly 'the policy is for another entity': Entity;
}
