import { EntityRepository, type EntityManager, type EntityName } from '@mikro-orm/core';
import { withSpillway, type SpillwayMethods } from './with-spillway.js';

const Base: new <Entity extends object>(
  em: EntityManager,
  entityName: EntityName<Entity>,
) => EntityRepository<Entity> & SpillwayMethods<Entity> = withSpillway(EntityRepository) as never;

/**
 * MikroORM's repository with Spillway's methods. For a base class of your own there is {@link withSpillway}.
 *
 * `class ProductRepository extends SpillwayRepository<Product> {}`
 * `@Entity({ repository: () => ProductRepository })`
 */
export class SpillwayRepository<Entity extends object> extends Base<Entity> {}
