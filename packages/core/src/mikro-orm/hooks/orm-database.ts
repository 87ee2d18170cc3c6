import { AsyncLocalStorage } from 'node:async_hooks';
import { Utils, type Connection, type MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { Logger } from '../../options.js';
import type { CallerQuery } from '../../sink/change-sink.js';
import type { SharedConnection } from '../../sink/shared-connection.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { CallersContext } from '../transactions/caller.js';
import { ormConnection } from '../transactions/orm-connection.js';
import { onConnection, type KyselyExecutor } from '../transactions/statements.js';
import { hasOneConnection } from '../contract/assert-orm.js';
import { connectionHooks, type ConnectionHooks } from './connection-hooks.js';
import { uncheckedVersions, type Updates } from './unchecked-versions.js';
import { unencrypted } from './unencrypted.js';

/** Where the ORM's database is, in the words of its driver. */
export interface DatabaseAccess {
  readonly connection: Readonly<Record<string, unknown>>;
  readonly hooks?: ConnectionHooks;
  /** The ORM's own connection, where the database has no other. */
  readonly shared?: SharedConnection;
  /** The schema of the ORM, where it names one. */
  readonly schema?: string;
  /** `timestamp` columns hold UTC (MikroORM's default) or the process's local time. */
  readonly timestampsInUtc: boolean;
}

/** The parts of the connection of @mikro-orm/postgresql that Spillway needs. */
interface PostgresConnection extends Connection {
  /** The settings for the pool of `pg`. */
  mapOptions(overrides: object): Readonly<Record<string, unknown>>;
  getClient(): KyselyExecutor;
}

/** Settings of the ORM's pool alone: its sizes, its parsers, its listener. */
const OF_THE_POOL = ['max', 'min', 'idleTimeoutMillis', 'types', 'onPoolCreated'];

/**
 * How an ORM reaches its database, for Spillway's own pool. Asked anew each time: the ORM may have connected anew, with
 * other settings.
 */
export class OrmDatabase {
  readonly #orm: MikroORM;
  readonly #context: CallersContext;
  readonly #logger: Logger;
  readonly #types: TypeRegistry;
  /** Runs an act outside of any request, whose user or tenant a hook would find. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #hasWarned = false;

  constructor(orm: MikroORM, context: CallersContext, logger: Logger, types: TypeRegistry) {
    this.#orm = orm;
    this.#context = context;
    this.#logger = logger;
    this.#types = types;
  }

  /** @throws SpillwayError `CONFIG_INVALID` if no setting says where the database is */
  access(): DatabaseAccess {
    const { config } = this.#orm;
    const schema = config.get('schema');
    const timestampsInUtc = config.get('forceUtcTimezone') ?? true;
    const common = { timestampsInUtc, ...(schema !== undefined && { schema }) };
    if (hasOneConnection(this.#orm)) {
      assertOne(this.#driverOptions());
      return { ...common, connection: {}, shared: ormConnection(this.#orm, this.#context) };
    }
    const connection = this.#options();
    this.#warn(connection);
    return { ...common, connection, hooks: connectionHooks(config, this.#outside) };
  }

  /**
   * True if the ORM has to connect before anything is opened: it has the only connection, or it works on its tables
   * when it connects (`ensureDatabase: { clear: true }`), and that work waits for Spillway.
   */
  get connectsFirst(): boolean {
    return hasOneConnection(this.#orm) || typeof this.#orm.config.get('ensureDatabase') === 'object';
  }

  /** Connects the ORM, as its first query would: it may make the database then. */
  async connect(): Promise<void> {
    await this.#outside(async () => this.#connection().ensureConnection());
  }

  /** Runs statements on a connection of the ORM's. */
  async lend<T>(act: (query: CallerQuery) => Promise<T>): Promise<T> {
    return this.#outside(async () => {
      const connection = this.#connection();
      await connection.ensureConnection();
      return onConnection(connection.getClient(), act);
    });
  }

  /** A sentence for the error that the ORM is connected elsewhere; may be empty. */
  hint(): string {
    const form = kyselyForm(this.#driverOptions());
    return form === undefined ? '' : `${opaque(form)} to what it connects to`;
  }

  /** The settings as MikroORM reads them: `driverOptions` go before everything, `dbName` before `clientUrl`. */
  #options(): Readonly<Record<string, unknown>> {
    const driverOptions = this.#driverOptions();
    const form = kyselyForm(driverOptions);
    if (form !== undefined && !this.#namesServer())
      throw new SpillwayError(
        'CONFIG_INVALID',
        `${opaque(form)} to what it connects to. MikroORM itself makes no use of them then; Spillway connects by them`,
      );
    const given = form === undefined && typeof driverOptions === 'object' ? { ...driverOptions } : {};
    Reflect.deleteProperty(given, 'onPoolCreated');
    const options = { ...this.#connection().mapOptions(given) };
    for (const name of OF_THE_POOL) Reflect.deleteProperty(options, name);
    return options;
  }

  /** As MikroORM asks for them when it connects. */
  #driverOptions(): unknown {
    const own = Reflect.get(this.#connection(), 'options') as { readonly driverOptions?: unknown } | undefined;
    const given: unknown = own?.driverOptions ?? this.#orm.config.get('driverOptions');
    return typeof given === 'function' ? (given as () => unknown)() : given;
  }

  #namesServer(): boolean {
    const { config, driver } = this.#orm;
    const hasUrl = config.get('clientUrl') !== driver.getPlatform().getDefaultClientUrl();
    return hasUrl || (config.get('host') as string | undefined) !== undefined;
  }

  #warn(connection: Readonly<Record<string, unknown>>): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const warnings = [
      ...unencrypted(this.#orm.config, connection),
      ...uncheckedVersions(Utils.getORMVersion(), this.#updates()),
    ];
    for (const warning of warnings) this.#logger.warn(`Spillway: ${warning}`);
  }

  #updates(): Updates {
    const { config, driver } = this.#orm;
    const hasVersions = this.#types.inAnyMode.some(({ version }) => version !== undefined);
    return { hasVersions, batches: config.get('useBatchUpdates', driver.getPlatform().usesBatchUpdates()) };
  }

  #connection(): PostgresConnection {
    return this.#orm.driver.getConnection('write') as PostgresConnection;
  }
}

function opaque(form: string): string {
  return (
    `driverOptions is ${form}, of which nobody can see where it leads. ` +
    'Let it be options of pg, or a function that answers them; or set clientUrl (or host, port, user, password and ' +
    'dbName), and onCreateConnection where it sets a role or a search_path,'
  );
}

interface Adapter {
  readonly supportsMultipleConnections?: boolean;
}

/** A driver for one connection may be given a dialect for several. Its transactions would then not take turns. */
function assertOne(driverOptions: unknown): void {
  const form = kyselyForm(driverOptions);
  if (form === undefined) return;
  const given = driverOptions as {
    createAdapter?(): Adapter;
    getExecutor?(): { readonly adapter?: Adapter };
  };
  const adapter = given.createAdapter?.() ?? given.getExecutor?.().adapter;
  if (adapter?.supportsMultipleConnections !== true) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `driverOptions is ${form} for a database with several connections, and the driver is that of PGlite, which has one. ` +
      'Use the MikroORM of @mikro-orm/postgresql for a server',
  );
}

/** MikroORM takes these as they are, and ignores all settings beside them. */
function kyselyForm(driverOptions: unknown): string | undefined {
  if (typeof driverOptions !== 'object' || driverOptions === null) return undefined;
  if ('createDriver' in driverOptions) return 'a Kysely dialect';
  return 'getExecutor' in driverOptions ? 'a Kysely instance' : undefined;
}
