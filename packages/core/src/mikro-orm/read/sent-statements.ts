import { AsyncLocalStorage } from 'node:async_hooks';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { TypeRegistry, NamedTable } from '../describe/type-registry.js';
import { tablesIn } from './tables-in-sql.js';

/** A call of MikroORM's driver that MikroORM is about to turn into SQL. */
export interface Expected {
  /** The types that are dealt with already: their pending changes are written, laid over, or left on purpose. */
  readonly known: Set<WriteBehindType>;
  /**
   * Only some rows of this type are dealt with, by key. A statement that names its table twice reads other rows too.
   */
  readonly byKey?: WriteBehindType | undefined;
  /**
   * Waits, if need be, for other types that the SQL turns out to name.
   * @returns true if the statement has to go to the primary
   */
  readonly late: (types: readonly WriteBehindType[], ctx: unknown) => Promise<boolean>;
}

interface Sending extends Expected {
  failure?: unknown;
}

/** Statements longer than this are almost never sent twice. Characters. */
const LONGEST_KEPT = 4_096;
const MOST_KEPT = 1_000;

/**
 * Looks at the SQL of reads before it is sent. MikroORM joins some tables that no argument names (those of filters, for
 * instance), and SQL may stand in formulas, orders and conditions. The text of the statement therefore has the last
 * word.
 *
 * `em.find(Author, { books: { title: 'x' } })` names authors and books. A default filter of books that reaches their
 * shelves adds `"shelf"` to the statement: pending changes of shelves are then written before the statement is sent.
 */
export class SentStatements {
  readonly #types: TypeRegistry;
  readonly #sending = new AsyncLocalStorage<Sending | undefined>();
  readonly #tables = new Map<string, readonly NamedTable[]>();

  constructor(types: TypeRegistry) {
    this.#types = types;
  }

  /** Runs a call of the driver, and looks at its statements. */
  async during<T>(expected: Expected, act: () => Promise<T>): Promise<T> {
    const sending: Sending = { ...expected };
    try {
      return await this.#sending.run(sending, act);
    } catch (error) {
      // The driver turns every error of a statement into an error of its own.
      throw sending.failure ?? error;
    }
  }

  /** The same for rows that come one by one. */
  async *streaming<T>(expected: Expected, open: () => AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    const rows = open();
    try {
      for (;;) {
        const next = await this.during(expected, async () => rows.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await rows.return?.();
    }
  }

  /** Runs work that is not part of the call that has caused it: a flush, for instance. */
  apart<T>(act: () => T): T {
    return this.#sending.getStore() ? this.#sending.run(undefined, act) : act();
  }

  /**
   * Called before any statement is sent.
   * @returns true if it has to go to the primary, wherever MikroORM sends it
   */
  async before(sql: unknown, ctx: unknown): Promise<boolean> {
    const sending = this.#sending.getStore();
    if (!sending) return false;
    const named = this.#typesIn(textOf(sql));
    const late = [...new Set(named)].filter(
      (type) => !sending.known.has(type) || (type === sending.byKey && named.indexOf(type) !== named.lastIndexOf(type)),
    );
    if (late.length === 0) return false;
    try {
      return await this.apart(async () => sending.late(late, ctx));
    } catch (error) {
      sending.failure = error;
      throw error;
    }
  }

  /** The types that the statement names, each as often as it is named. */
  #typesIn(sql: string): WriteBehindType[] {
    return this.#tablesIn(sql).flatMap((table) => this.#types.readBy(table));
  }

  #tablesIn(sql: string): readonly NamedTable[] {
    const kept = this.#tables.get(sql);
    if (kept) return kept;
    const tables = tablesIn(sql);
    if (sql.length > LONGEST_KEPT) return tables;
    if (this.#tables.size >= MOST_KEPT) this.#tables.clear();
    this.#tables.set(sql, tables);
    return tables;
  }
}

/** MikroORM's connection takes texts, raw fragments and builders of its own. */
function textOf(sql: unknown): string {
  if (typeof sql === 'string') return sql;
  const { sql: text, toRaw } = sql as { sql?: string; toRaw?: () => { sql: string } };
  return text ?? toRaw?.call(sql).sql ?? '';
}
