import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** An order is money: plain MikroORM, in a transaction. */
@Entity({ tableName: 'customer_order' })
export class Order {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'text' })
  customer!: string;

  @Property({ type: 'json' })
  items!: Record<string, number>;

  /** In cents. */
  @Property({ type: 'integer' })
  total!: number;
}
