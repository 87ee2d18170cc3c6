import type { CallerQuery } from '../../change-sink.js';
import type { SharedConnection, SharedTransaction } from '../../shared-connection.js';
import type { Connections, OwnTransaction } from '../connections.js';
import { CallerSession } from '../joined/caller-session.js';
import type { Session } from '../session.js';

/** The one connection that the sink shares with the application. It belongs to the application, and is not closed here. */
export class SharedConnections implements Connections {
  readonly areOne = true;
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

  /** Waits for the application's transaction, also if it is asked for inside of one: a flush that is begun there goes on when it has ended, and nobody in it may wait for that. */
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

  /** The database's own answer to COMMIT is not to be seen here. A transaction that has failed takes no further statement, and nobody can come between this one and the end. */
  async commit(): Promise<string> {
    await this.session.script('select 1');
    await this.#transaction.commit();
    this.#isOver = true;
    return 'COMMIT';
  }

  /** The connection is never given up: there is no other. Who has it after a COMMIT that was refused is still this one. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#transaction.rollback().catch(() => undefined);
  }
}
