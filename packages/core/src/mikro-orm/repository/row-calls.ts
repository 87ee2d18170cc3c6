import {
  helper,
  Reference,
  Utils,
  type AnyEntity,
  type EntityName,
  type Platform,
  type EntityManager,
} from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { Change, Values, VersionText } from '../../change/change.js';
import type { RecordKind } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError, textOf } from '../../errors.js';
import type { StagedMark } from '../../staging/look-side.js';
import type { DeadLetter, DeadLetterPage } from '../../staging/dead-letter-store.js';
import { valueConversion } from '../describe/entity-values.js';
import { calledRowKey, incompleteKey, knownRowKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Engine } from '../engine.js';
import { Validation } from '../validate/validation.js';
import { versionValue } from '../values/version-text.js';
import {
  type IncrementOptions,
  prepareIncrements,
  type IncrementRow,
  type PreparedIncrement,
} from '../write/prepare-increment.js';
import { buildPatch, type PatchOptions } from '../write/build-patch.js';
import { comparesNothing, type Fallback } from '../change/fallback.js';
import { changesError } from '../write/refusal-error.js';
import { failingAsMikroOrm } from '../contract/call-context.js';
import { announceFallback, stageOrFallBack, stagingAt, Unstaged } from '../write/stage-or-fall-back.js';
import { withOptionsOf, type CallersRows, type RowCaller } from './row-caller.js';
import { pendingRow, type PendingRow } from './pending-row.js';
import type { IncrementReceipt, Receipt, WrittenOptions, Counted } from './receipt.js';
import type { SqlRowCalls } from './sql-row-calls.js';

/** Selects the dead letters that are listed. */
export interface LetterPage extends Omit<DeadLetterPage, 'entity'> {
  readonly entity?: EntityName;
}

/** The engine, as far as row calls need it. */
type RowEngine = Pick<Engine, 'writes' | 'waits' | 'pending'>;

/**
 * Changes of rows that the caller has not loaded, the pending changes of a row, and waits until they are written. The
 * service and the repositories share these calls.
 */
export class RowCalls {
  readonly #types: TypeRegistry;
  readonly #engine: RowEngine;
  readonly #platform: Platform;
  readonly #isOff: boolean;
  readonly #sql: SqlRowCalls;
  readonly #validation: Validation;

  /** @param sql answers the calls if staging is turned off, or has no room */
  constructor(
    types: TypeRegistry,
    engine: RowEngine,
    platform: Platform,
    { sql, isOff }: { readonly sql: SqlRowCalls; readonly isOff: boolean },
  ) {
    this.#sql = sql;
    this.#isOff = isOff;
    this.#types = types;
    this.#engine = engine;
    this.#platform = platform;
    this.#validation = new Validation(types, platform);
  }

  of(caller: RowCaller): CallersRows {
    return {
      patch: (entity, key, changes, options = {}) => this.#patch(caller, entity, key, { changes, options }),
      increment: (entity, key, by, options) => this.#increment(caller, entity, [{ key, by }], options),
      incrementMany: (entity, rows, options) => this.#increment(caller, entity, rows, options),
      pending: (entity, key) => this.#pending(caller, entity, key),
    };
  }

  async #patch(
    asked: RowCaller,
    entity: EntityName,
    key: unknown,
    { changes, options }: { readonly changes: object; readonly options: PatchOptions },
  ): Promise<Receipt> {
    const caller = withOptionsOf(asked, 'patch()', options);
    const type = this.#typeOf(entity, 'Use em.nativeUpdate()');
    const change = buildPatch(type, key, changes, options, this.#platform);
    await this.#validation.rows(type.meta, [changes as Readonly<Record<string, unknown>>], 'changed');
    const bySql = (way?: Fallback): Promise<Receipt> =>
      this.#sql.patch(caller.em(), type, { key, changes, options }, { way, signal: caller.signal });
    if (this.#isOff || caller.needsSql) return bySql();
    return this.#stage(caller, type, [{ key, change }], ({ way, error }) => {
      if (way === 'down' && change.base === undefined) throw comparesNothing('patch()', type, error);
      return bySql;
    });
  }

  async #increment(
    caller: RowCaller,
    entity: EntityName,
    rows: readonly IncrementRow[],
    options: IncrementOptions = {},
  ): Promise<IncrementReceipt> {
    const receipt = await this.#countRows(caller, entity, rows, options);
    return { ...receipt, counters: async () => readCounters(this.#types.namedOrRefused(entity), rows, caller.em()) };
  }

  async #countRows(
    asked: RowCaller,
    entity: EntityName,
    rows: readonly IncrementRow[],
    options: IncrementOptions,
  ): Promise<Receipt> {
    const caller = withOptionsOf(asked, 'increment()', options);
    const type = this.#typeOf(entity, 'Use em.nativeUpdate() with raw(), or @WriteBehind with counters');
    const context = { entity, em: caller.em, platform: this.#platform, validation: this.#validation };
    const prepared: readonly PreparedIncrement[] = await prepareIncrements(type, rows, options, context);
    const bySql = (way?: Fallback): Promise<Receipt> =>
      this.#sql.increments(caller.em(), type, prepared, { way, signal: caller.signal });
    if (this.#isOff || caller.needsSql) return bySql();
    return this.#stage(caller, type, prepared, ({ way, error }) => {
      if (way === 'down') throw comparesNothing('increment()', type, error);
      return bySql;
    });
  }

  async #pending(caller: RowCaller, entity: EntityName, key: unknown): Promise<PendingRow | undefined> {
    const type = this.#types.namedOrRefused(entity);
    if (caller.hasSession) throw notPermitted(type);
    const rowKey = calledRowKey(type, key);
    if (rowKey === undefined) throw incompleteKey(type);
    return pendingRow(type, (await this.#engine.pending.peek([rowKey])).get(rowKey), this.#platform);
  }

  async written(entities: AnyEntity | readonly AnyEntity[], options?: WrittenOptions): Promise<void> {
    await this.#engine.waits.written(await this.#marksOf(listOf(entities)), options);
  }

  /** For entities that have just been flushed. `keys`: as they were before they were removed. */
  receipt(entities: readonly AnyEntity[], keys: Receipt['keys'] = entities.map(primaryKey)): Receipt {
    const marks = entities.flatMap((entity) => this.#engine.writes.marks.of(entity) ?? []);
    return {
      keys,
      versions: entities.map((entity) => {
        const version = helper(entity).__meta.versionProperty;
        return version === undefined ? undefined : (Reflect.get(entity, version) as number | Date | undefined);
      }),
      written: async (options) => this.#engine.waits.written(marks, options),
    };
  }

  /** @param bySql answers how SQL writes the rows instead, or throws why it may not */
  async #stage(
    { em, signal, durability }: RowCaller,
    type: WriteBehindType,
    rows: readonly { readonly key: unknown; readonly change: Change }[],
    bySql: (unstaged: Unstaged) => (way: Fallback) => Promise<Receipt>,
  ): Promise<Receipt> {
    const changes = rows.map(({ change }) => change);
    const driver = (): AbstractSqlDriver => em().getDriver() as AbstractSqlDriver;
    const result = await failingAsMikroOrm(signal, driver, async () =>
      stageOrFallBack(type, changes, this.#engine.writes, { signal, durability }),
    );
    if (result instanceof Unstaged) {
      const write = bySql(result);
      announceFallback(type, result.way, rows.length, this.#engine.writes);
      return write(result.way);
    }
    if (!changes.every(({ rowKey }) => result.staged.has(rowKey)))
      throw changesError(changes, result, stagingAt(this.#engine.writes, durability));
    const marks = [...result.marks.values()];
    return {
      keys: rows.map(({ key }) => key),
      versions: changes.map(({ rowKey }) => versionOf(type, result.staged.get(rowKey))),
      written: async (options) => this.#engine.waits.written(marks, options),
    };
  }

  get entities(): readonly string[] {
    return this.#types.all.map(({ meta }) => meta.className);
  }

  /** The row that a caller means. @throws SpillwayError `CONFIG_INVALID` */
  rowKey(entity: EntityName, key: unknown): RowKey {
    const type = this.#types.namedOrRefused(entity);
    const rowKey = calledRowKey(type, key);
    if (rowKey === undefined) throw incompleteKey(type);
    return rowKey;
  }

  /**
   * The values by which a person replaces those of a dead letter, as they are staged.
   * @throws SpillwayError `CONFIG_INVALID`, `VALIDATION_FAILED`
   */
  async editedValues({ rowKey, record }: DeadLetter, values: Readonly<Record<string, unknown>>): Promise<Values> {
    const type = this.#types.ofRow(rowKey);
    const conversion = type && valueConversion(type, this.#platform);
    if (!conversion || record.kind === 'delete') throw notEditable(rowKey, record.kind);
    for (const name of Object.keys(values))
      if (!conversion.writable.has(name)) throw notWritable(conversion.entity, name);
    await this.#validation.rows(type.meta, [values], 'changed');
    try {
      return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, conversion.toText(name, value)]));
    } catch (error) {
      throw new SpillwayError('CONFIG_INVALID', `The letter stays as it is: ${textOf(error)}`);
    }
  }

  /** Records name the root of a table's classes. */
  letterPage({ entity, ...page }: LetterPage = {}): DeadLetterPage {
    return { ...page, ...(entity && { entity: this.#types.namedOrRefused(entity).meta.className }) };
  }

  /** If this process has not flushed an entity, all pending changes of its row count. */
  async #marksOf(entities: readonly AnyEntity[]): Promise<readonly StagedMark[]> {
    const marks: StagedMark[] = [];
    const unknown: RowKey[] = [];
    for (const entity of entities) {
      const mark = this.#engine.writes.marks.of(entity);
      const type = this.#types.of(helper(entity).__meta);
      const rowKey = type && knownRowKey(type, entity);
      if (mark) marks.push(mark);
      else if (rowKey !== undefined) unknown.push(rowKey);
    }
    if (unknown.length === 0) return marks;
    for (const [rowKey, { dirty, inFlight }] of await this.#engine.pending.peek(unknown)) {
      const newest = dirty ?? inFlight?.record;
      if (newest) marks.push({ rowKey, sequence: newest.last });
    }
    return marks;
  }

  /** If staging is turned off, everything is written through. */
  #typeOf(entity: EntityName, remedy: string): WriteBehindType {
    const type = this.#types.namedOrRefused(entity);
    if (this.#isOff || type.policy.mode !== 'through') return type;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${type.meta.className} is written through: nothing of it is staged. ${remedy}`,
    );
  }
}

function notEditable(rowKey: RowKey, kind: RecordKind): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    kind === 'delete'
      ? `The dead letter of row ${rowKey} deletes it, and has no values. Retry it as it is, or discard it`
      : `Row ${rowKey} is of no entity of this process, so values of it cannot be read. Ask a process that has its entity`,
  );
}

function notWritable(entity: string, name: string): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `${entity}.${name} cannot be replaced in a dead letter. Name a property that is persisted, and no key, version or counter`,
  );
}

/** An entity, a reference to one, or several. */
function listOf(entities: AnyEntity | readonly AnyEntity[]): readonly AnyEntity[] {
  return [entities].flat().map((given) => {
    const entity: unknown = Reference.unwrapReference(given);
    if (Utils.isEntity<AnyEntity>(entity)) return entity;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `written() waits for entities, and was given a ${typeof given}. Give it the entity that was flushed, or an array of them`,
    );
  });
}

export function primaryKey(entity: AnyEntity): Receipt['keys'][number] {
  return helper(entity).getPrimaryKey();
}

/** Staged changes have no row yet about which the policies of the table could be asked. */
function notPermitted({ meta }: WriteBehindType): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `pending() of ${meta.className} under a session context is refused: PostgreSQL's policies know nothing of what is staged. ` +
      'Ask an entity manager without one, or read the row',
  );
}

function versionOf(type: WriteBehindType, version: VersionText | undefined): number | Date | undefined {
  return type.version && version !== undefined ? versionValue(version, type.version.kind) : undefined;
}

/** The counters of rows as look-ups find them, for a caller whose entities are left as they are. */
async function readCounters(
  { meta, counters }: WriteBehindType,
  rows: readonly IncrementRow[],
  em: EntityManager,
): Promise<readonly (Counted | undefined)[]> {
  const found: (Counted | undefined)[] = [];
  for (const { key } of rows) {
    const fork = em.fork({ keepTransactionContext: true });
    const row: object | null = await fork.findOne(meta.class, key);
    const known = [...counters.keys()].map((name) => [name, row && (Reflect.get(row, name) as unknown)] as const);
    found.push(row === null ? undefined : Object.fromEntries(known));
  }
  return found;
}
