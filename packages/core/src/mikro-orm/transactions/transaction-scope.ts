import type { TransactionWay } from './transaction-option.js';

/**
 * How a transaction has ended, as far as the ORM was told. `commit-answered` is no proof that anything was committed: PostgreSQL answers the COMMIT of a failed transaction with the
 * tag ROLLBACK and without an error, and neither `pg` nor Kysely shows the tag. Only the ledger tells.
 */
export type TransactionEnd = 'commit-answered' | 'rolled-back' | 'unanswered';

/** What is known of a transaction when it begins. */
export interface TransactionStart {
  /** As the application has asked for it; `undefined` is the database's default. */
  readonly isolationLevel?: string | undefined;
  readonly isReadOnly?: boolean | undefined;
  /** Whether it has session variables or a role of its own. */
  readonly hasSession?: boolean | undefined;
  /** What its options say of write-behind entities. */
  readonly way?: TransactionWay | undefined;
}

export type BeforeCommit = () => Promise<void>;
/** Runs after the end, so it can change nothing about it: what it throws is a defect. */
export type AfterEnd = (end: TransactionEnd) => Promise<void>;

/**
 * A transaction of the ORM, or the part of one that follows a savepoint. What a part leaves behind (see `ScopeNotes`) belongs to it until its savepoint is released, then to the part
 * around it; a rollback to the savepoint takes it back. What ends the outermost part ends all.
 */
export class TransactionScope {
  /** Kysely's transaction: what MikroORM hands to its driver as `ctx`. */
  readonly ctx: object;
  readonly parent: TransactionScope | undefined;
  readonly root: TransactionScope;
  readonly start: TransactionStart;
  /** What the options of this part say of write-behind entities, or those of the part around it. */
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

  /** Whether statements can still run in this part. */
  get isOpen(): boolean {
    return this.#isOpen && (this.parent?.isOpen ?? true);
  }

  /**
   * Runs before COMMIT of the outermost transaction, after the application's own `beforeTransactionCommit` subscribers; one that throws keeps the commit from being sent. Belongs to the
   * transaction, not to this part of it: whoever depends on savepoints looks at its notes then.
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
    // One of them may add another; one that has thrown is asked again if the application tries to commit again.
    for (let next = this.#beforeCommit[0]; next !== undefined; next = this.#beforeCommit[0]) {
      await next();
      this.#beforeCommit.shift();
    }
  }

  /** The savepoint has been released, and every later one with it: what was noted since stands if the part around it does. */
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

  /** The outermost transaction has ended. Its notes stay readable for those who listen. */
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

/** Things of one kind that happen in transactions and are undone with them. */
export class ScopeNotes<T> {
  add(scope: TransactionScope, note: T): void {
    scope.notesOf(this).push(note);
  }

  /** What stands as seen from this part: its own, and those of the parts around it. Of an outermost transaction that is about to commit: all that will be committed. */
  standing(scope: TransactionScope): readonly T[] {
    const around = scope.parent ? this.standing(scope.parent) : [];
    return [...around, ...(scope.notesOf(this) as T[])];
  }
}
