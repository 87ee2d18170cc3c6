import type { MikroORM } from '@mikro-orm/core';
import type { CallerQuery } from '../../sink/change-sink.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import type { TransactionScope, TransactionScopes } from './transaction-scope.js';
import { alone, type KyselyExecutor } from './statements.js';
import { AsyncLocalStorage } from 'node:async_hooks';

/** The transaction in which a call of the application runs. */
export interface CallersTransaction {
  /** `undefined` if the ORM has not begun it, so that its end would stay unknown. */
  readonly scope: TransactionScope | undefined;
  /** True if staged rows may be written in it, as far as can be told without asking PostgreSQL. */
  readonly mayWrite: boolean;
  /** True if changes of entities with such a policy are held in it: staged with its commit, or not at all. */
  holds(policy: Pick<ResolvedPolicy, 'transactions'>): boolean;
  /** Runs statements on its connection; the application's own statements wait until that is over. */
  alone<T>(use: (query: CallerQuery) => Promise<T>): Promise<T>;
}

/** Finds the transactions of an ORM's calls. */
export class CallersTransactions {
  readonly #scopes: TransactionScopes;
  readonly #config: MikroORM['config'];
  readonly #hasOneConnection: boolean;
  readonly #context: CallersContext;

  /** @param hasOneConnection true if no other transaction can run beside one of these, not even one of Spillway */
  constructor(
    scopes: TransactionScopes,
    config: MikroORM['config'],
    hasOneConnection: boolean,
    context: CallersContext,
  ) {
    this.#scopes = scopes;
    this.#config = config;
    this.#hasOneConnection = hasOneConnection;
    this.#context = context;
  }

  /** @param ctx the transaction that MikroORM hands to its driver; `undefined` outside of one */
  of(ctx: unknown): CallersTransaction | undefined {
    if (ctx === undefined || ctx === null) return undefined;
    const scope = this.#scopes.of(ctx);
    return {
      scope,
      mayWrite: this.#mayWrite(scope),
      holds: ({ transactions }) => this.#mayHold(scope) && (scope?.way ?? transactions) === 'stage',
      alone: (use) => alone((scope?.root.ctx ?? ctx) as KyselyExecutor, scope?.root ?? ctx, use),
    };
  }

  /** The same, if it is the only transaction that can run. */
  alone(ctx: unknown): CallersTransaction | undefined {
    return this.#hasOneConnection ? this.of(ctx) : undefined;
  }

  /** Runs an act in a transaction, if there is one. Only with one connection the act has to be known to be in it. */
  run<T>(ctx: unknown, act: () => Promise<T>): Promise<T> {
    return this.#hasOneConnection ? this.#context.run(this.of(ctx), act) : act();
  }

  /**
   * Only a transaction that writes, under the rights of Spillway's own role, can enter its held changes into the
   * ledger.
   */
  #mayHold(scope: TransactionScope | undefined): boolean {
    if (!scope || scope.start.isReadOnly || scope.start.hasSession) return false;
    return this.#config.get('sessionContext' as never) !== 'connection';
  }

  /**
   * Under a session context the application's connection may see and write other rows than Spillway's. Above read
   * committed, a shard that has moved since the snapshot is an error. On the only connection no shard can have moved,
   * and the database itself says whether the transaction writes.
   */
  #mayWrite(scope: TransactionScope | undefined): boolean {
    if (!scope || scope.start.hasSession) return false;
    if (this.#config.get('sessionContext' as never) === 'connection') return false;
    if (this.#hasOneConnection) return true;
    const { isolationLevel, isReadOnly } = scope.start;
    return !isReadOnly && (isolationLevel === undefined || /^read (un)?committed$/i.test(isolationLevel));
  }
}

/** Filled in when the transaction has begun. */
interface Place {
  caller?: CallersTransaction | undefined;
}

/**
 * The transaction of the application in which code runs. Only a database with one connection needs it: there every
 * question on the way has to be answered in that transaction, also for code that knows nothing of transactions.
 */
export class CallersContext {
  readonly #storage = new AsyncLocalStorage<Place>();

  /** Code that was begun in a transaction and goes on after its end is outside again. */
  get current(): CallersTransaction | undefined {
    const { caller } = this.#storage.getStore() ?? {};
    // The end of a transaction that the ORM has not begun stays unknown; a question in it after its end fails.
    return caller?.scope?.root.isOpen === false ? undefined : caller;
  }

  /** @param caller `undefined`: the known transaction, if any, stays */
  run<T>(caller: CallersTransaction | undefined, act: () => T): T {
    return caller ? this.#storage.run({ caller }, act) : act();
  }

  /** For work that has nothing to do with the transaction in which it is begun. */
  outside<T>(act: () => T): T {
    return this.#storage.run({}, act);
  }

  /**
   * A caller that begins a transaction by hand is in it from then on. To be called before anything is awaited; answers
   * a function that takes the transaction once it is known.
   */
  enter(): (caller: CallersTransaction | undefined) => void {
    const place: Place = {};
    this.#storage.enterWith(place);
    return (caller) => {
      place.caller = caller;
    };
  }
}
