import type { EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { ResolvedPolicy } from '../../policy/policy.js';
import { assertDatabase, hasOneConnection, assertOrm } from '../contract/assert-orm.js';
import { ContractWatch } from '../handshake/contract-watch.js';
import { describeTypes } from '../describe/describe-types.js';
import { DirectWrites } from '../write/direct-writes.js';
import type { Engine, EngineLife } from '../engine.js';
import { hookConnection } from './hook-connection.js';
import { hookDiscoverEntity, onDiscovered } from './hook-discovery.js';
import { hookDriver } from './driver/hook-driver.js';
import { hookEntityManager, type EntityManagerClass } from '../handshake/hook-entity-manager.js';
import { hookQueries } from './hook-queries.js';
import { hookSchema } from './hook-schema.js';
import { hookStatements, QueryModes, SentStatements } from '../read/running-queries.js';
import { assertNoPivotTables } from '../describe/unsupported.js';
import type { OrmMoves } from './orm-moves.js';
import { OWN_TABLES } from '../../sink/own-tables.js';
import { Reads } from '../read/reads.js';
import { StatementWaits } from '../read/statement-waits.js';
import { SequenceBlocks } from '../write/sequence-blocks.js';
import { SqlWrites } from '../write/sql-writes.js';
import { StagedWrites } from '../write/staged-writes.js';
import { CallersTransactions, type CallersContext } from '../transactions/caller.js';
import { hookTransactions, type TransactionSurroundings } from '../transactions/hook-transactions.js';
import type { TransactionScopes } from '../transactions/transaction-scope.js';
import { Validation } from '../validate/validation.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { DriverOfTables, WriteBehindType } from '../describe/write-behind-type.js';

export interface Installation {
  readonly types: TypeRegistry;
  readonly engine: Engine;
  readonly context: CallersContext;
  readonly scopes: TransactionScopes;
  readonly moves: OrmMoves;
  /** The policies of the ORM's entities that are to be written behind. Called at discovery, and at each later one. */
  readonly policiesOf: (entities: readonly EntityMetadata[]) => ReadonlyMap<EntityMetadata, ResolvedPolicy>;
  /** Called when the sequence of a table's key has begun anew. */
  readonly restarted: (type: WriteBehindType) => void;
}

/**
 * Checks an ORM before it is asked anything, or hooked.
 * @throws SpillwayError `CONFIG_INVALID`, `ORM_INCOMPATIBLE`
 */
export function assertFits(orm: MikroORM): void {
  assertDatabase(orm);
  assertOrm(orm);
}

/**
 * Hooks Spillway into an ORM that is being made: before discovery, when neither metadata nor entity managers exist.
 * Opens and starts nothing, so that MikroORM's command line can load the same configuration.
 *
 * @returns the numbers that have been taken for new rows
 */
export function install(
  orm: MikroORM,
  { types, engine, context, scopes, moves, policiesOf, restarted }: Installation,
): Pick<SequenceBlocks, 'forget'> {
  const driver = orm.driver as unknown as AbstractSqlDriver;
  readSchema(orm);
  const watch = new ContractWatch(types);
  const fill = (storage: MetadataStorage): void =>
    types.fill(describe(orm, storage, policiesOf), [...storage.getAll().values()], defaultSchemaOf(orm));
  onDiscovered(orm, (storage) => {
    watch.asked('discovery');
    fill(storage);
  });
  hideTables(orm);
  const { leaving } = engine;
  hookDiscoverEntity(orm, (storage) => {
    fill(storage);
    leaving.again();
  });
  const validation = new Validation(types, driver.getPlatform());
  const isOne = hasOneConnection(orm);
  const transactions = new CallersTransactions(scopes, orm.config, isOne, context);
  // Opening needs the one connection, so it happens before a transaction that would wait for it.
  const openAhead = async (): Promise<void> => {
    await leaving.before([]);
    if (types.all.length > 0 || engine.cache) await engine.life.openAhead();
  };
  hookTransactions(
    driver.getConnection('write'),
    scopes,
    isOne ? entering(context, transactions, openAhead) : locating(engine.life),
  );
  const modes = new QueryModes();
  const sent = new SentStatements(types);
  hookStatements(driver, sent);
  const waits = new StatementWaits(types, engine.waits, transactions);
  const reads = new Reads(engine, modes, transactions, waits, sent);
  const madeClass = (entityManager: EntityManagerClass): void => {
    hookQueries(entityManager, { types, modes, reads, leaving, transactions });
    orm.config.set('entityManager', entityManager);
  };
  hookEntityManager(driver, madeClass, {
    types,
    engine,
    transactions,
    watch,
    leaving,
    validation,
    modes,
    sent,
  });
  const sequences = new SequenceBlocks((table, count) => engine.writes.numbers(table, count), {
    isApart: () => context.current !== undefined,
    restarted,
  });
  const writes = new StagedWrites(types, sequences);
  const direct = new DirectWrites(types, engine.writes, writes, reads, driver.getPlatform());
  hookDriver(driver, {
    writes,
    direct,
    reads,
    sqlWrites: new SqlWrites(engine.writes, transactions, waits, sent),
    watch,
    engine,
    validation,
    leaving,
    transactions,
  });
  moves.watch();
  hookConnection(driver, engine.life, moves, () => {
    sequences.forget();
    leaving.again();
  });
  hookSchema(orm, {
    types,
    tables: engine.tables,
    moves,
    emptied: async () => {
      sequences.forget();
      // Clears again: reads may have cached rows between.
      await engine.cache?.clear();
    },
  });
  return sequences;
}

/** With one connection, code in a transaction has to be known to be in it. */
function entering(
  context: CallersContext,
  transactions: CallersTransactions,
  openAhead: () => Promise<void>,
): TransactionSurroundings {
  return {
    begins: () => {
      const entered = context.enter();
      return { before: openAhead(), begun: (ctx) => entered(transactions.of(ctx)) };
    },
    apart: (act) => context.outside(act),
  };
}

/** With several connections, all may be in transactions that wait for a question of Spillway on one of them. */
function locating(life: EngineLife): TransactionSurroundings {
  return {
    begins: () => ({ before: life.locate(), begun: () => undefined }),
    apart: (act) => act(),
  };
}

/**
 * `clientUrl` may name the schema (`?schema=app`). MikroORM reads that when it connects, and puts it into its
 * configuration: after discovery, which has described the tables by then.
 */
function readSchema({ config, driver }: MikroORM): void {
  const url = config.get('clientUrl') as string | undefined;
  if (url === undefined || !URL.canParse(url) || !new URL(url).searchParams.has('schema')) return;
  driver.getConnection('write').getConnectionOptions();
}

function describe(orm: MikroORM, storage: MetadataStorage, policiesOf: Installation['policiesOf']): WriteBehindType[] {
  const policies = policiesOf([...storage.getAll().values()]);
  const decorated = [...policies].map(([meta, policy]) => ({ meta, policy }));
  assertNoPivotTables(policies.keys(), storage);
  return describeTypes(decorated, {
    defaultSchema: defaultSchemaOf(orm),
    platform: orm.driver.getPlatform(),
    names: orm.driver as unknown as DriverOfTables,
    mapDocument: (document, embeddable) => orm.driver.mapResult(document, embeddable),
    timestampsInUtc: orm.config.get('forceUtcTimezone') ?? true,
  });
}

/** The schema of tables that name none. */
function defaultSchemaOf(orm: MikroORM): string {
  return orm.config.get('schema') ?? orm.driver.getPlatform().getDefaultSchemaName() ?? 'public';
}

/** Spillway's own tables are no entities, so the schema generator must skip them. */
function hideTables(orm: MikroORM): void {
  const settings = orm.config.get('schemaGenerator');
  orm.config.set('schemaGenerator', {
    ...settings,
    skipTables: [...(settings?.skipTables ?? []), ...OWN_TABLES],
  });
}
