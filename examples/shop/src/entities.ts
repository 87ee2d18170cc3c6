/**
 * The entities of the shop. Each of them is write-behind, and nothing else in the shop knows it: requests find, change
 * and flush as they would with plain MikroORM.
 */
import { Collection, type Opt } from '@mikro-orm/core';
import { Entity, ManyToOne, OneToMany, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { WriteBehind } from '@spillway/core';

/** Page views commute, so they are counted and never conflict. Price and stock do conflict: they have the version. */
@Entity({ tableName: 'products' })
@WriteBehind<Product>({ debounce: '200ms', maxDelay: '1s', counters: ['views'], cache: { ttl: '1m' } })
export class Product {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'decimal', precision: 10, scale: 2 })
  price!: string;

  @Property({ type: 'integer' })
  stock!: number;

  @Property({ type: 'integer' })
  views: number & Opt = 0;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

@Entity({ tableName: 'customers' })
@WriteBehind()
export class Customer {
  @PrimaryKey({ type: 'uuid' })
  id!: string;

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'string' })
  address!: string;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

export type OrderStatus = 'placed' | 'paid' | 'shipped' | 'cancelled';

@Entity({ tableName: 'orders' })
@WriteBehind()
export class Order {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  /** The number on the invoice. The process that places an order knows it before the row has a key. */
  @Property({ type: 'string' })
  reference!: string;

  @Property({ type: 'string' })
  status!: OrderStatus;

  @Property({ type: 'decimal', precision: 12, scale: 2 })
  total!: string;

  @ManyToOne(() => Customer)
  customer!: Customer;

  @OneToMany(() => OrderLine, (line) => line.order)
  lines = new Collection<OrderLine>(this);

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** Written once and never changed, so it has no version. */
@Entity({ tableName: 'order_lines' })
@WriteBehind()
export class OrderLine {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  @ManyToOne(() => Order)
  order!: Order;

  /** 1 for the first line of the order. */
  @Property({ type: 'integer' })
  position!: number;

  @ManyToOne(() => Product)
  product!: Product;

  @Property({ type: 'integer' })
  quantity!: number;
}
