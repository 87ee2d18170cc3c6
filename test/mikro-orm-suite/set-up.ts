/** Runs before each file of the suite: sends its ORMs to the servers of this run, with the extension of the mode. */
import 'reflect-metadata';
import { Configuration, Connection, MetadataStorage } from '@mikro-orm/core';
import { expect, vi } from 'vitest';
import { beginFile, extensionOfSuite } from './extension.js';

const mode = process.env['SPILLWAY_SUITE'];
const server = new URL(String(process.env['DATABASE_URL']));
const PATCHED = Symbol.for('spillway.suite');

// Many files run in one process, and none may meet what another has left.
vi.resetModules();
vi.restoreAllMocks();
MetadataStorage.clear();
beginFile();
if (!(PATCHED in globalThis)) {
  Object.assign(globalThis, { [PATCHED]: true });
  useServers();
  if (mode !== 'plain') addExtension();
}

// A test that compares statements first would hide what it compares afterwards, so all of it is said.
Object.assign(globalThis, { expect: Object.assign((...args: [unknown]) => expect.soft(...args), expect) });

function useServers(): void {
  process.env['MIKRO_ORM_ALLOW_GLOBAL_CONTEXT'] = '1';
  process.env['PGHOST'] = server.hostname;
  process.env['PGPORT'] = server.port;
  process.env['PGUSER'] = server.username;
  const own = { host: server.hostname, port: Number(server.port), user: server.username };
  replace(Connection.prototype, 'getConnectionOptions', (optionsOf) => ({ ...(optionsOf() as object), ...own }));
}

function addExtension(): void {
  const extension = extensionOfSuite(mode === 'all');
  replace(Configuration.prototype, 'get', (get, config: Configuration, key) => {
    const isOurs = key === 'extensions' && config.getDriver().constructor.name === 'PostgreSqlDriver';
    return isOurs ? [...(get() as unknown[]), extension] : get();
  });
}

type Around<This> = (call: () => unknown, on: This, key: unknown) => unknown;

/** Lays `around` round a method of all instances. */
function replace<This extends object>(prototype: This, name: keyof This, around: Around<This>): void {
  const method = prototype[name] as (...args: unknown[]) => unknown;
  const replacement = function replacement(this: This, ...args: unknown[]): unknown {
    return around(() => Reflect.apply(method, this, args), this, args[0]);
  };
  Object.assign(prototype, { [name]: replacement });
}
