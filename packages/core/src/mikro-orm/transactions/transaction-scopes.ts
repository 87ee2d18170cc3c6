import { TransactionScope, type TransactionStart } from './transaction-scope.js';

/**
 * The transactions of one ORM that its connection has begun and not yet ended, by Kysely's transaction. A transaction
 * that the application has begun elsewhere and handed to MikroORM is not among them, nor are savepoints in it: its end
 * would stay unknown.
 */
export class TransactionScopes {
  readonly #scopes = new WeakMap<object, TransactionScope>();

  /** @param around the transaction in which a savepoint was set; none for a transaction */
  opened(ctx: object, around: object | undefined, start: TransactionStart): void {
    if (this.#scopes.has(ctx)) return;
    if (around === undefined) this.#scopes.set(ctx, new TransactionScope(ctx, start));
    else {
      const parent = this.#scopes.get(around);
      if (parent) this.#scopes.set(ctx, new TransactionScope(ctx, start, parent));
    }
  }

  /**
   * The open part of a transaction that a call's `ctx` is; `undefined` outside of any, and in one that is not the ORM's
   * own.
   */
  of(ctx: unknown): TransactionScope | undefined {
    const scope = typeof ctx === 'object' && ctx !== null ? this.#scopes.get(ctx) : undefined;
    return scope?.isOpen ? scope : undefined;
  }
}
