import pg from 'pg';
import { LIMITED, SUPERUSER, urlOfApplication } from '../support/limited.js';

/** What a pool of `pg` has, and does not show. */
interface Inside {
  options: pg.PoolConfig;
  newClient: (this: Inside, pending: unknown) => unknown;
}

/**
 * The pools of `pg`, MikroORM's and Spillway's, log in as the limited role where they would as the superuser. Single
 * clients, by which tests look behind Spillway's back, stay the superuser's. MikroORM has a copy of `pg` of its own;
 * the class beneath both pools is one.
 */
const inside = Object.getPrototypeOf(pg.Pool.prototype) as Inside;
const { newClient } = inside;

inside.newClient = function (this: Inside, pending) {
  const { user, connectionString } = this.options;
  if (user === SUPERUSER) this.options.user = LIMITED.role;
  if (connectionString !== undefined) this.options.connectionString = urlOfApplication(connectionString);
  return newClient.call(this, pending);
};
