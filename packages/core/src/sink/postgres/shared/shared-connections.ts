import type { CallerQuery } from '../../change-sink.js';
import type { SharedConnection, SharedTransaction } from '../../shared-connection.js';
import type { Connections, OwnTransaction } from '../connections.js';
import { CallerSession } from '../joined/caller-session.js';
import type { Session } from '../session.js';

/**
 * The one connection that the sink shares with the application. It belongs to the application, and is not closed here.
 */
export class SharedConnections implements Connections {
  readonly hasOneConnection = true;
  readonly #shared: SharedConnection;

  constructor(shared: SharedConnection) {
    this.#shared = shared;
  }

  get isInside(): boolean {
    return this.#shared.inside !== undefined;
  }

  async use<T>(act: (session: Session) => Promise<T>): Promise<T> {
    const { inside } = this.#shared;
    const ask = (query: CallerQuery): Promise<T> => act(new CallerSession(query));
    return inside ? inside.alone(ask) : this.#shared.use(ask);
  }

  /**
   * Waits for the end of the application's transaction, also if called inside one. A flush that begins there therefore
   * continues after that transaction, and code inside it must not wait for the flush.
   */
  async begin(): Promise<OwnTransaction> {
    return new TurnOnConnection(await this.#shared.begin());
  }

  async close(): Promise<void> {}

  cutOff(): void {}
}

class TurnOnConnection implements OwnTransaction {
  readonly session: Session;
  readonly opening = '';
  readonly #transaction: SharedTransaction;
  #isOver = false;

  constructor(transaction: SharedTransaction) {
    this.#transaction = transaction;
    this.session = new CallerSession(transaction.query);
  }

  /**
   * The database's answer to COMMIT cannot be seen here. A failed transaction refuses every further statement, so a
   * statement is sent first. No other one comes between it and the end.
   */
  async commit(last = 'select 1'): Promise<string> {
    await this.session.rows(last, []);
    await this.#transaction.commit();
    this.#isOver = true;
    return 'COMMIT';
  }

  /**
   * Keeps the connection also if it is broken: there is no other. After a refused COMMIT it is still held by this
   * transaction, which rolls back.
   */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#transaction.rollback().catch(() => undefined);
  }
}
