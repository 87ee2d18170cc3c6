import type { Connection } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { SentStatements } from '../read/sent-statements.js';

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
