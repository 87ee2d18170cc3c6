import type { TransactionWay } from './transaction-option.js';

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

/**
 * How a transaction has ended, as far as the ORM was told. `commit-answered` is no proof that anything was committed:
 * PostgreSQL answers the COMMIT of a failed transaction with the tag ROLLBACK and without an error, and neither `pg`
 * nor Kysely shows the tag. Only the ledger tells.
 */
export type TransactionEnd = 'commit-answered' | 'rolled-back' | 'unanswered';

/** The facts that are known of a transaction when it begins. */
export interface TransactionStart {
  /** As the application has asked for it; `undefined` is the database's default. */
  readonly isolationLevel?: string | undefined;
  readonly isReadOnly?: boolean | undefined;
  /** True if it has session variables or a role of its own. */
  readonly hasSession?: boolean | undefined;
  /** The way of writing write-behind entities that its options name. */
  readonly way?: TransactionWay | undefined;
}

export type BeforeCommit = () => Promise<void>;
/** Runs after the end, so it cannot change the end: an error that it throws is a defect. */
export type AfterEnd = (end: TransactionEnd) => Promise<void>;

/**
 * A transaction of the ORM, or the part of one that follows a savepoint. The notes of a part (see `ScopeNotes`) belong
 * to it until its savepoint is released, then to the part around it; a rollback to the savepoint takes them back. The
 * end of the outermost part ends all parts.
 */
export class TransactionScope {
  /** Kysely's transaction: what MikroORM hands to its driver as `ctx`. */
  readonly ctx: object;
  readonly parent: TransactionScope | undefined;
  readonly root: TransactionScope;
  readonly start: TransactionStart;
  /** The way that the options of this part name, or those of the part around it. */
  readonly way: TransactionWay | undefined;
  readonly #notes = new Map<object, unknown[]>();
  readonly #parts = new Set<TransactionScope>();
  readonly #beforeCommit: BeforeCommit[] = [];
  readonly #afterEnd: AfterEnd[] = [];
  #isOpen = true;

  constructor(ctx: object, start: TransactionStart, parent?: TransactionScope) {
    this.ctx = ctx;
    this.parent = parent;
    this.root = parent?.root ?? this;
    this.start = parent?.root.start ?? start;
    this.way = start.way ?? parent?.way;
    if (parent) parent.#parts.add(this);
  }

  /** True if statements can still run in this part. */
  get isOpen(): boolean {
    return this.#isOpen && (this.parent?.isOpen ?? true);
  }

  /**
   * Runs before COMMIT of the outermost transaction, after the application's own `beforeTransactionCommit` subscribers;
   * a listener that throws keeps the commit from being sent. It belongs to the transaction, not to this part of it: a
   * listener that depends on savepoints looks at its notes then.
   */
  beforeCommit(listener: BeforeCommit): void {
    this.root.#beforeCommit.push(listener);
  }

  /** Runs once the outermost transaction has ended, however, before the application is told; the ORM waits for it. */
  afterEnd(listener: AfterEnd): void {
    this.root.#afterEnd.push(listener);
  }

  /** The notes of this part alone. */
  notesOf(kind: object): unknown[] {
    const notes = this.#notes.get(kind) ?? [];
    this.#notes.set(kind, notes);
    return notes;
  }

  async committing(): Promise<void> {
    // A listener may add another one; a listener that has thrown is asked again if the application tries to commit
    // again.
    for (let next = this.#beforeCommit[0]; next !== undefined; next = this.#beforeCommit[0]) {
      await next();
      this.#beforeCommit.shift();
    }
  }

  /** The savepoint has been released, and every later one with it: later notes stand if the part around it does. */
  released(): void {
    if (!this.isOpen) return;
    for (const part of this.#parts) part.released();
    this.#isOpen = false;
    for (const [kind, notes] of this.#notes) for (const note of notes) this.parent?.notesOf(kind).push(note);
    if (this.parent) this.parent.#parts.delete(this);
  }

  /** The savepoint has been rolled back to: nothing has happened since. */
  undone(): void {
    this.#isOpen = false;
    this.#notes.clear();
    if (this.parent) this.parent.#parts.delete(this);
  }

  /** The outermost transaction has ended. Its notes stay readable for listeners. */
  async ended(end: TransactionEnd): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const failures: unknown[] = [];
    for (const listener of this.#afterEnd.splice(0)) {
      await listener(end).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Notes of one kind about things that happen in transactions and are undone with them. */
export class ScopeNotes<T> {
  add(scope: TransactionScope, note: T): void {
    scope.notesOf(this).push(note);
  }

  /**
   * The notes that stand as seen from this part: its own, and those of the parts around it. For an outermost
   * transaction that is about to commit: all that will be committed.
   */
  standing(scope: TransactionScope): readonly T[] {
    const around = scope.parent ? this.standing(scope.parent) : [];
    return [...around, ...(scope.notesOf(this) as T[])];
  }
}
