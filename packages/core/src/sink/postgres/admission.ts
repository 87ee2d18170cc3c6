import type pg from 'pg';
import type { CallerQuery } from '../change-sink.js';
import { hookFailureOf } from './fault.js';
import type { Proof } from './home.js';
import type { ConnectionHooks, PostgresSinkOptions } from './options.js';
import { PgSession } from './session.js';

/**
 * Prepares a connection before Spillway uses it: runs the application's own hooks, and proves with the first connection
 * that it leads where the application writes.
 */
export class Admission {
  readonly #hooks: ConnectionHooks;
  readonly #home: Proof | undefined;
  readonly #created = new WeakSet<pg.PoolClient>();
  #proof: Promise<void> | undefined;

  constructor({ hooks = {}, home }: Pick<PostgresSinkOptions, 'hooks' | 'home'>) {
    this.#hooks = hooks;
    this.#home = home;
  }

  async admit(client: pg.PoolClient): Promise<void> {
    const { onCreate, onReserve } = this.#hooks;
    const query: CallerQuery = async (text, values) => (await client.query<object>(text, [...values])).rows ?? [];
    if (!this.#created.has(client)) {
      await hooked('onCreateConnection', onCreate?.(query));
      this.#created.add(client);
    }
    await hooked('onReserveConnection', onReserve?.(query));
    this.#proof ??= this.#home?.prove(new PgSession(client)).catch((error: unknown) => {
      this.#proof = undefined;
      throw error;
    });
    await this.#proof;
  }
}

async function hooked(name: string, running: Promise<void> | undefined): Promise<void> {
  try {
    await running;
  } catch (error) {
    throw hookFailureOf(name, error);
  }
}
