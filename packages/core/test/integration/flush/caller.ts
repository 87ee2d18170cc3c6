import { urlOfApplication } from '@spillway/test-support';
import pg from 'pg';
import type { RowKey } from '../../../src/change/row-key.js';
import type { FlushSteps } from '../../../src/flush/flush-shards.js';
import { TransactionScope, type TransactionEnd } from '../../../src/mikro-orm/transactions/transaction-scope.js';
import { Promotions } from '../../../src/runtime/promotions.js';
import type { FlushFixture } from './fixture.js';

/**
 * A transaction of an application, on a connection of its own, with savepoints, that promotes in the second form. What
 * it adds to rows by itself counts only if it is committed.
 */
export class Caller implements AsyncDisposable {
  readonly client: pg.Client;
  readonly #fixture: FlushFixture;
  readonly #promotions: Promotions;
  readonly #parts: TransactionScope[] = [new TransactionScope({}, {})];
  isGone = false;

  private constructor(fixture: FlushFixture, client: pg.Client, steps?: FlushSteps) {
    this.#fixture = fixture;
    this.client = client;
    this.#promotions = new Promotions(steps);
  }

  static async begin(fixture: FlushFixture, steps?: FlushSteps): Promise<Caller> {
    const connectionString = urlOfApplication(fixture.databaseUrl);
    const client = new pg.Client({ connectionString, application_name: 'caller' });
    const caller = new Caller(fixture, client, steps);
    client.on('error', () => (caller.isGone = true));
    await client.connect();
    await client.query('begin');
    return caller;
  }

  /** What of the rows could not be written. */
  async promote(keys: readonly RowKey[], timeoutMs = 1_000): Promise<readonly RowKey[]> {
    const { staging, sink } = this.#fixture;
    const caller = {
      scope: this.#scope,
      mayWrite: true,
      holds: () => false,
      alone: async <T>(use: (query: (text: string, values: readonly unknown[]) => Promise<object[]>) => Promise<T>) =>
        use(async (text, values) => (await this.client.query<object>(text, [...values])).rows),
    };
    return this.#promotions.write(keys, caller, timeoutMs, {
      staging,
      looks: staging,
      sink,
      worker: { wake: () => undefined, unsettled: () => undefined },
    });
  }

  /** Whether it got the row's lock without waiting for anybody. */
  async lock(id: number): Promise<boolean> {
    const { rows } = await this.client.query('select id from product where id = $1 for update skip locked', [id]);
    return rows.length > 0;
  }

  async stock(id: number): Promise<number> {
    const { rows } = await this.client.query<{ stock: number }>('select stock from product where id = $1', [id]);
    return rows[0]?.stock ?? 0;
  }

  get depth(): number {
    return this.#parts.length - 1;
  }

  async savepoint(): Promise<void> {
    await this.client.query(`savepoint part${this.#parts.length}`);
    this.#parts.push(new TransactionScope({}, {}, this.#scope));
  }

  async release(): Promise<void> {
    await this.client.query(`release savepoint part${this.depth}`);
    this.#parts.pop()?.released();
  }

  async back(): Promise<void> {
    await this.client.query(`rollback to savepoint part${this.depth}`);
    this.#parts.pop()?.undone();
  }

  /**
   * Releases the savepoint, and takes it for rolled back: what was promoted since stands in PostgreSQL, and nobody here
   * knows of it.
   */
  async releaseUnnoticed(): Promise<void> {
    await this.client.query(`release savepoint part${this.depth}`);
    this.#parts.pop()?.undone();
  }

  async commit(): Promise<boolean> {
    const { command } = await this.client.query('commit');
    await this.ended('commit-answered');
    return command === 'COMMIT';
  }

  async rollback(): Promise<void> {
    await this.client.query('rollback');
    await this.ended('rolled-back');
  }

  /** What the hooks do when they hear of the end. */
  async ended(end: TransactionEnd): Promise<void> {
    await this.#scope.root.ended(end);
  }

  /** The server ends the connection. */
  async die(): Promise<void> {
    const { rows } = await this.client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await this.#fixture.sql.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
    await this.ended('unanswered');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  get #scope(): TransactionScope {
    const scope = this.#parts.at(-1);
    if (!scope) throw new Error('The transaction has no scope');
    return scope;
  }
}
