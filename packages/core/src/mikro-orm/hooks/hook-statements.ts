import type { Connection } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { SentStatements } from '../read/sent-statements.js';

type Execute = (query: unknown, params?: unknown, method?: unknown, ctx?: unknown, ...rest: unknown[]) => unknown;
type Stream = (query: unknown, params?: unknown, ctx?: unknown, ...rest: unknown[]) => AsyncIterableIterator<unknown>;

/** What the hooks replace on every connection: all SQL that MikroORM makes goes through one of them. */
export const STATEMENT_METHODS = ['execute', 'stream'] as const;

interface Statements {
  execute: Execute;
  stream: Stream;
}

/**
 * Puts a look between MikroORM and its connections, on which statements are sent: the one that writes, and the replicas.
 * Each is met when the driver hands it out.
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
  // Who writes has asked for it by then.
  driver.getConnection('write');
}

function statementsOf(connection: Connection): Statements {
  const target = connection as unknown as Statements;
  return { execute: target.execute.bind(connection), stream: target.stream.bind(connection) };
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
