import pg from 'pg';
import { LIMITED } from '../support/limited.js';

/** What a pool of `pg` has, and does not show. */
interface Inside {
  options: pg.PoolConfig;
  newClient(pending: unknown): unknown;
}

/**
 * The pools of `pg`, MikroORM's and Spillway's, connect as the limited role. Single clients, by which tests look behind
 * Spillway's back, stay the superuser's. MikroORM has a copy of `pg` of its own; the class beneath both pools is one.
 */
const inside = Object.getPrototypeOf(pg.Pool.prototype) as Inside;
const { newClient } = inside;

inside.newClient = function (this: Inside, pending) {
  const { options = '' } = this.options;
  const role = `-c role=${LIMITED.role}`;
  if (!options.includes(role)) this.options.options = `${options} ${role}`.trim();
  return newClient.call(this, pending);
};
