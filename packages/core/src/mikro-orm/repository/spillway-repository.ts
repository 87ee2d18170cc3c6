import { EntityRepository, type EntityManager, type EntityName } from '@mikro-orm/core';
import { withSpillway, type SpillwayMethods } from './with-spillway.js';

const Base: new <Entity extends object>(
  em: EntityManager,
  entityName: EntityName<Entity>,
) => EntityRepository<Entity> & SpillwayMethods<Entity> = withSpillway(EntityRepository) as never;

/**
 * MikroORM's repository with Spillway's methods: `@Entity({ repository: () => ProductRepository })` with `class ProductRepository extends SpillwayRepository<Product> {}`. For a base class of
 * your own there is {@link withSpillway}.
 */
export class SpillwayRepository<Entity extends object> extends Base<Entity> {}
