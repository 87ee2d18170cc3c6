import { PrimaryKeyProp } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Product -> how many of it. */
export type Items = Record<string, number>;

/**
 * Changed with every click, looked at by key, and worth nothing once it is an order. Its policy stands in its module.
 */
@Entity()
export class Cart {
  [PrimaryKeyProp]?: 'customer';

  @PrimaryKey({ type: 'text' })
  customer!: string;

  @Property({ type: 'json' })
  items!: Items;
}
