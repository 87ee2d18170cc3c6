import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { replaceMethod } from './replace-method.js';
import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Making a database with all its tables takes seconds, and many in PGlite on a slow machine. A server may never answer.
 */
const LONGEST_MS = 60_000;

/**
 * Knows when MikroORM is on its way to a database. When it first connects it may make the database (`ensureDatabase`).
 * Its schema generator connects to another database to make or to drop one. Meanwhile it would name a database that it
 * is about to leave, and a connection of Spillway's would be in its way.
 */
export class OrmMoves {
  readonly #orm: MikroORM;
  readonly #span = new Span();
  readonly #running = new Set<Promise<unknown>>();
  #connecting: Promise<void> | undefined;

  constructor(orm: MikroORM) {
    this.#orm = orm;
  }

  /** True for calls that are part of a move. */
  get isInside(): boolean {
    return this.#span.isInside;
  }

  /**
   * Each connect is a move. Two that begin at once are one: both would make the database, each in the way of the other.
   */
  watch(): void {
    const connection = this.#connection;
    replaceMethod<Connection['connect']>(connection, 'connect', (connect) => async (options) => {
      if (this.isInside) return connect.call(connection, options);
      this.#connecting ??= this.during(async () => connect.call(connection, options)).finally(() => {
        this.#connecting = undefined;
      });
      return this.#connecting;
    });
  }

  async during<T>(act: () => Promise<T>): Promise<T> {
    if (this.isInside) return act();
    const move = this.#span.run(async () => this.#orStays(act));
    this.#running.add(move);
    try {
      return await move;
    } finally {
      this.#running.delete(move);
    }
  }

  /** MikroORM stays at the other database if it fails there, and would then write there. This leads it back. */
  async #orStays<T>(act: () => Promise<T>): Promise<T> {
    const { config } = this.#orm;
    const from = config.get('dbName');
    try {
      return await act();
    } catch (error) {
      if (config.get('dbName') !== from) {
        config.set('dbName', from);
        await this.#connection.close(true).catch(() => undefined);
      }
      throw error;
    }
  }

  get #connection(): Connection {
    return this.#orm.driver.getConnection('write');
  }

  /**
   * Resolves when MikroORM has arrived, even by a failure; at once for calls that are part of a move.
   * @throws SpillwayError `DATABASE_UNAVAILABLE`
   */
  async over(): Promise<void> {
    if (this.isInside || this.#running.size === 0) return;
    const end = new AbortController();
    const tooLong = pause(LONGEST_MS, 'too long', { signal: end.signal }).catch(() => undefined);
    try {
      while (this.#running.size > 0)
        if ((await Promise.race([tooLong, Promise.allSettled(this.#running)])) === 'too long') throw stillMoving();
    } finally {
      end.abort();
    }
  }
}

function stillMoving(): SpillwayError {
  return new SpillwayError(
    'DATABASE_UNAVAILABLE',
    `MikroORM has been connecting for ${LONGEST_MS / 1_000} s, or making or dropping a database, so nobody knows ` +
      'where it will write. Nothing was staged; try again when it has ended, and check that PostgreSQL answers',
  );
}

interface SpanState {
  isRunning: boolean;
}

/**
 * An act with everything that it calls. Work that it began and that goes on after its end (a pool, a worker) is
 * outside.
 */
export class Span {
  readonly #storage = new AsyncLocalStorage<SpanState>();

  get isInside(): boolean {
    return this.#storage.getStore()?.isRunning === true;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    const state: SpanState = { isRunning: true };
    try {
      return await this.#storage.run(state, act);
    } finally {
      state.isRunning = false;
    }
  }
}
