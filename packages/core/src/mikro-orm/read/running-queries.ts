/**
 * What is known of a query while it runs: the mode that it asks for, and the statements that MikroORM sends for it. A
 * flush that a query causes is part of neither.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Connection } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { readQueryMode, type QueryMode } from '../../policy/query-mode.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { TypeRegistry, NamedTable } from '../describe/type-registry.js';
import { tablesIn } from './tables-in-sql.js';

interface Asked {
  readonly mode: QueryMode | undefined;
}

/**
 * The mode that a call asks for by its option `spillway`. MikroORM hands unknown options on to the driver, but not to
 * the queries that populate relations. These queries find the mode in the asynchronous context of the call.
 */
export class QueryModes {
  readonly #asked = new AsyncLocalStorage<Asked>();

  /** Runs a call whose reads all have this mode, unless the call asks for another one itself. */
  run<T>(mode: QueryMode | undefined, call: () => T): T {
    return mode === undefined ? call() : this.#asked.run({ mode }, call);
  }

  /** A flush that a query has caused is not part of the query. */
  runWithout<T>(call: () => T): T {
    return this.#asked.getStore()?.mode === undefined ? call() : this.#asked.run({ mode: undefined }, call);
  }

  /** @throws SpillwayError `CONFIG_INVALID` for an unknown mode. */
  of(options: Readonly<Record<string, unknown>>): QueryMode | undefined {
    return readQueryMode(options['spillway']) ?? this.#asked.getStore()?.mode;
  }
}

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

type Execute = (query: unknown, params?: unknown, method?: unknown, ctx?: unknown, ...rest: unknown[]) => unknown;
type Stream = (query: unknown, params?: unknown, ctx?: unknown, ...rest: unknown[]) => AsyncIterableIterator<unknown>;

interface Statements {
  execute: Execute;
  stream: Stream;
}

/**
 * Tells `sent` of each statement before it goes to one of MikroORM's connections: the one that writes, and the
 * replicas. A connection is hooked when the driver first hands it out.
 */
export function hookStatements(driver: AbstractSqlDriver, sent: SentStatements): void {
  const connectionOf = driver.getConnection.bind(driver);
  const met = new WeakSet<object>();
  const primary = statementsOf(connectionOf('write'));
  driver.getConnection = (type?: 'read' | 'write') => {
    const connection = connectionOf(type);
    if (!met.has(connection)) {
      met.add(connection);
      hookConnection(connection as unknown as Statements, primary, sent);
    }
    return connection;
  };
  // Code may have obtained the write connection before, so it is hooked now.
  driver.getConnection('write');
}

function statementsOf(connection: Connection): Statements {
  const target = connection as unknown as Statements;
  return { execute: ownMethod(target, 'execute'), stream: ownMethod(target, 'stream') };
}

/** Looks the method up in the class at each call: it may be instrumented after the ORM was made. */
function ownMethod<Name extends keyof Statements>(target: Statements, name: Name): Statements[Name] {
  if (Object.hasOwn(target, name)) return target[name].bind(target) as Statements[Name];
  const call = (...args: unknown[]): unknown => {
    const method = Reflect.get(Object.getPrototypeOf(target) as Statements, name) as (...all: unknown[]) => unknown;
    return Reflect.apply(method, target, args);
  };
  return call as Statements[Name];
}

function hookConnection(target: Statements, primary: Statements, sent: SentStatements): void {
  const own = statementsOf(target as unknown as Connection);
  target.execute = async (query, params, method, ctx, ...rest) => {
    const { execute } = (await sent.before(query, ctx)) ? primary : own;
    return execute(query, params, method, ctx, ...rest);
  };
  target.stream = async function* (query, params, ctx, ...rest) {
    const { stream } = (await sent.before(query, ctx)) ? primary : own;
    yield* stream(query, params, ctx, ...rest);
  };
}
