import { defineEntity, p } from '@mikro-orm/postgresql';
import { WriteBehind } from '@spillway/core';

export const Product = defineEntity({
  name: 'Product',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    stock: p.integer().default(0),
    version: p.integer().version(),
  },
});
WriteBehind({ debounce: '10ms' })(Product.class);

export const Customer = defineEntity({
  name: 'Customer',
  properties: { id: p.integer().primary(), email: p.string() },
});
WriteBehind({ debounce: '10ms', detect: 'none' })(Customer.class);

/** The tables of the application, as its own migrations would have made them. */
export const TABLES = `
create table product (id int primary key, name text not null, stock int not null default 0, version int not null default 1);
create table customer (id int primary key, email text not null);`;
