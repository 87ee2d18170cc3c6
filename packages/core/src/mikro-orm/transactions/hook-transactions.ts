import { EventType, type Connection, type TransactionEventBroadcaster } from '@mikro-orm/core';
import { incompatible } from '../contract/assert-orm.js';
import type { TransactionScope, TransactionScopes } from './transaction-scope.js';
import { wayOf } from './transaction-option.js';

type Broadcaster = TransactionEventBroadcaster | undefined;
type Hear = (event: EventType, ctx: object | undefined) => Promise<void> | void;
type Begin = (options?: BeginOptions) => Promise<object>;
type End = (ctx: object, broadcaster?: Broadcaster, ...rest: unknown[]) => Promise<void>;
type Transactional = (callback: (ctx: object) => Promise<unknown>, options?: BeginOptions) => Promise<unknown>;

export interface TransactionSurroundings {
  /**
   * A transaction begins that is no part of another one. Called before anything is awaited. Answers a promise to wait
   * for before BEGIN, and a function that takes the transaction once it has begun.
   */
  readonly begins: () => { readonly before: Promise<void>; readonly begun: (ctx: object) => void };
  /** Runs a transaction from its beginning to its end; the caller is no part of it. */
  readonly apart: <T>(act: () => T) => T;
}

const NOTHING: TransactionSurroundings = {
  begins: () => ({ before: Promise.resolve(), begun: () => undefined }),
  apart: (act) => act(),
};

interface BeginOptions {
  readonly ctx?: object;
  readonly isolationLevel?: string;
  readonly readOnly?: boolean;
  readonly sessionContext?: object;
  readonly eventBroadcaster?: Broadcaster;
}

/** The methods of the connection. Kysely's transactions are opaque here: only their identity counts. */
interface Transactions {
  begin: Begin;
  commit: End;
  rollback: End;
  transactional: Transactional;
}

/**
 * Follows every transaction that the ORM begins on this connection: `em.transactional`, `@Transactional`, `em.begin`,
 * the transaction of a flush, and the connection's own `transactional`, with their savepoints. Replaced on the
 * instance, which the driver keeps for life.
 */
export function hookTransactions(
  connection: Connection,
  scopes: TransactionScopes,
  { begins, apart }: TransactionSurroundings = NOTHING,
): void {
  const target = connection as unknown as Transactions;
  const begin = target.begin.bind(connection);
  const commit = target.commit.bind(connection);
  const rollback = target.rollback.bind(connection);
  const transactional = target.transactional.bind(connection);

  target.begin = async (options = {}) => {
    const way = wayOf(options);
    const own = options.ctx === undefined ? begins() : undefined;
    await own?.before;
    const opened = (ctx: object): void => {
      scopes.opened(ctx, options.ctx, {
        isolationLevel: options.isolationLevel,
        isReadOnly: options.readOnly,
        hasSession: options.sessionContext !== undefined,
        way,
      });
      own?.begun(ctx);
    };
    const eventBroadcaster = hearing(options.eventBroadcaster, {
      // Subscribers may flush in it already.
      before: (event, ctx) => {
        if (event === EventType.afterTransactionStart && ctx) opened(ctx);
      },
    });
    const ctx = await begin({ ...options, eventBroadcaster });
    opened(ctx);
    return ctx;
  };

  target.commit = async (ctx, broadcaster, ...rest) => {
    const scope = scopes.of(ctx);
    if (!scope) return commit(ctx, broadcaster, ...rest);
    const progress = new EndingPart(scope);
    const eventBroadcaster = hearing(broadcaster, {
      after: async (event) => {
        if (event === EventType.beforeTransactionCommit) await progress.committing();
      },
      before: async (event) => {
        if (event === EventType.afterTransactionCommit) await progress.committed();
      },
    });
    try {
      await commit(ctx, eventBroadcaster, ...rest);
    } catch (error) {
      await progress.failed();
      throw error;
    }
    await progress.committed();
  };

  target.rollback = async (ctx, broadcaster, ...rest) => {
    const scope = scopes.of(ctx);
    if (!scope) return rollback(ctx, broadcaster, ...rest);
    const progress = new EndingPart(scope);
    const eventBroadcaster = hearing(broadcaster, {
      after: async (event) => {
        if (event === EventType.beforeTransactionRollback) progress.rollingBack();
      },
      before: async (event) => {
        if (event === EventType.afterTransactionRollback) await progress.rolledBack();
      },
    });
    try {
      await rollback(ctx, eventBroadcaster, ...rest);
    } catch (error) {
      await progress.failed();
      throw error;
    }
    await progress.rolledBack();
  };

  target.transactional = async (callback, options) => {
    let scope: TransactionScope | undefined;
    const isOurs = options?.ctx === undefined || scopes.of(options.ctx) !== undefined;
    const run = options?.ctx === undefined ? apart : NOTHING.apart;
    const answer = await run(async () =>
      transactional(async (ctx) => {
        scope = scopes.of(ctx);
        if (isOurs && !scope) throw incompatible("its connection's transactional() does not ask begin()");
        return callback(ctx);
      }, options),
    );
    if (!scope?.isOpen) return answer;
    await scope.root.ended('unanswered');
    throw incompatible("its connection's transactional() does not ask commit()");
  };
}

/** The end of one part of a transaction: whether the statement that ends it has been sent, and its result. */
class EndingPart {
  readonly #scope: TransactionScope;
  #isSent = false;

  constructor(scope: TransactionScope) {
    this.#scope = scope;
  }

  get #isOutermost(): boolean {
    return this.#scope.parent === undefined;
  }

  /** All subscribers have been asked, none has thrown. */
  async committing(): Promise<void> {
    if (this.#isOutermost) await this.#scope.committing();
    this.#isSent = true;
  }

  rollingBack(): void {
    this.#isSent = true;
  }

  async committed(): Promise<void> {
    if (this.#isOutermost) await this.#scope.ended('commit-answered');
    else this.#scope.released();
  }

  async rolledBack(): Promise<void> {
    if (this.#isOutermost) await this.#scope.ended('rolled-back');
    else this.#scope.undone();
  }

  /**
   * A statement that was sent and not answered may have ended the transaction. A savepoint that could not be released,
   * or rolled back to, leaves it to the transaction around it.
   */
  async failed(): Promise<void> {
    if (this.#isSent && this.#isOutermost) await this.#scope.ended('unanswered');
  }
}

/** The broadcaster, heard before and after it has told the application. */
function hearing(broadcaster: Broadcaster, { before, after }: { readonly before?: Hear; readonly after?: Hear }) {
  return {
    dispatchEvent: async (event: EventType, ctx?: object) => {
      await before?.(event, ctx);
      await broadcaster?.dispatchEvent(event as never, ctx);
      await after?.(event, ctx);
    },
  } as TransactionEventBroadcaster;
}
