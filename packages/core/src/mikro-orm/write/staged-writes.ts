import type { AnyEntity, ChangeSet, QueryResult } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import { assertTaken, buildDelete, buildInsert, buildUpdate, rowValues } from '../change/build-change.js';
import { keyReturned, keyRow, knownRowKey } from '../describe/entity-key.js';
import { stateOf, type Operation, type OperationKind, type StagedCall, stagedCall } from '../change/staging-unit.js';
import type { SequenceBlocks } from './sequence-blocks.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { versionValue } from '../values/version-text.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { DriverMethods } from '../contract/methods.js';

type Answered = Pick<DriverMethods, 'find' | 'nativeInsertMany' | 'nativeUpdate' | 'nativeUpdateMany' | 'nativeDelete'>;

/**
 * Answers the driver calls of a staged flush, which bear its tag (`hookPersister`), in place of the database. Calls
 * without the tag go on to `next`.
 */
export function answerStagedCalls<Next extends Answered>(writes: StagedWrites, next: Next): Next & Answered {
  return {
    ...next,
    find: async (entity, where, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.rows(staged, where, options['fields']) : next.find(entity, where, options);
    },
    nativeInsertMany: async (entity, data, options = {}, ...rest) => {
      const staged = stagedCall(options);
      return staged ? writes.insertMany(staged, data) : next.nativeInsertMany(entity, data, options, ...rest);
    },
    nativeUpdate: async (entity, where, data, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.updateMany(staged, [data]) : next.nativeUpdate(entity, where, data, options);
    },
    nativeUpdateMany: async (entity, where, data, options = {}, ...rest) => {
      const staged = stagedCall(options);
      return staged ? writes.updateMany(staged, data) : next.nativeUpdateMany(entity, where, data, options, ...rest);
    },
    nativeDelete: async (entity, where, options = {}) => {
      const staged = stagedCall(options);
      return staged ? writes.delete(staged, where) : next.nativeDelete(entity, where, options);
    },
  };
}

type Payload = Readonly<Record<string, unknown>>;
type Row = Record<string, unknown>;

export interface NewRow {
  readonly payload: Payload;
  readonly change: Change;
  /** By column name. */
  readonly row: Row;
}

/**
 * Answers the driver calls of a flush that is staged: notes each change in the unit and replies as the database would
 * (keys, versions, defaults), so that MikroORM fills entities and snapshots by its own code.
 */
export class StagedWrites {
  readonly #types: TypeRegistry;
  readonly #sequences: SequenceBlocks;
  readonly #now: () => number;

  constructor(types: TypeRegistry, sequences: SequenceBlocks, now: () => number = Date.now) {
    this.#types = types;
    this.#sequences = sequences;
    this.#now = now;
  }

  async insertMany(call: StagedCall, payloads: readonly Payload[]): Promise<QueryResult> {
    const changeSets = changeSetsByPayload(call);
    const type = this.#typeOf(call.changeSets[0]);
    const made = await this.newRows(type, payloads);
    const rows = made.map(({ payload, change, row }) => {
      const changeSet = changeSets.get(payload);
      if (!changeSet) throw new TypeError('A staged insert has a payload that belongs to no change set');
      this.#note(call, 'insert', type, changeSet, change);
      return row;
    });
    return result(rows, rows[0]?.[type.key.columns[0]?.column.name ?? '']);
  }

  /**
   * New rows as changes, numbered and with the defaults that the database would have put in, and the rows that it would
   * have returned.
   */
  async newRows(type: WriteBehindType, payloads: readonly Payload[]): Promise<NewRow[]> {
    const [keyName = ''] = type.meta.primaryKeys;
    const unnumbered = type.key.sequence ? payloads.filter((payload) => payload[keyName] == null).length : 0;
    const numbers = (unnumbered > 0 ? await this.#sequences.take(type, unnumbered) : []).values();
    return payloads.map((payload) => {
      assertTaken(type, payload);
      const made = this.#valuesMade(type, payload, numbers);
      const values = { ...payload, ...made };
      const change = buildInsert(type, values, values, this.#now());
      return { payload, change, row: rowOf(type, made, change) };
    });
  }

  async updateMany(call: StagedCall, payloads: readonly Payload[]): Promise<QueryResult> {
    const changeSets = changeSetsByPayload(call);
    const rows = payloads.map((payload) => {
      const changeSet = changeSets.get(payload);
      if (!changeSet) throw new TypeError('A staged update has a payload that belongs to no change set');
      const type = this.#typeOf(changeSet);
      const change = buildUpdate(type, changeSet, payload, this.#now(), call.unit.isRowBase);
      this.#note(call, 'update', type, changeSet, change);
      return { ...keyReturned(type, change.rowKey), ...rowOf(type, {}, change) };
    });
    return result(rows);
  }

  /** Deletes come in chunks, by primary key. An entity without a key was never inserted, and no statement finds it. */
  async delete(call: StagedCall, where: unknown): Promise<QueryResult> {
    const type = this.#typeOf(call.changeSets[0]);
    const keys = keysIn(where).map((key) => knownRowKey(type, key));
    const chunk = new Set(keys);
    call.unit.skip(keys.filter((key) => key === undefined).length);
    const changeSets = call.changeSets.filter((changeSet) => {
      const key = knownRowKey(type, changeSet.getPrimaryKey());
      return key !== undefined && chunk.has(key);
    });
    for (const changeSet of changeSets) {
      this.#note(call, 'delete', type, changeSet, buildDelete(type, changeSet, call.unit.isRowBase));
    }
    return result(changeSets.map(() => ({})));
  }

  /**
   * Answers the reads of the persister. Before a batch it checks versions: staging compares them itself, atomically, so
   * every row is answered as it is expected. After inserts it reads again the properties that were not set in the first
   * of them.
   */
  async rows(call: StagedCall, where: unknown, fields: unknown): Promise<unknown> {
    const { $or } = where as { readonly $or?: readonly object[] };
    return $or ?? insertedRows(call.unit.operations, new Set(call.changeSets.map(({ entity }) => entity)), fields);
  }

  #note(
    call: StagedCall,
    kind: OperationKind,
    type: WriteBehindType,
    changeSet: ChangeSet<AnyEntity>,
    change: Change,
  ): void {
    call.unit.add({ kind, type, entity: changeSet.entity, change, before: stateOf(changeSet.entity) });
  }

  #typeOf(changeSet: ChangeSet<AnyEntity> | undefined): WriteBehindType {
    const type = changeSet && this.#types.of(changeSet.meta);
    if (!type) throw new TypeError('A staged call is for an entity that is not written behind');
    return type;
  }

  /** Property -> the value that the database would have put in, in snapshot form. */
  #valuesMade(type: WriteBehindType, payload: Payload, numbers: Iterator<string>): Payload {
    const made: Row = {};
    for (const { property, absent, toRow } of type.key.columns) {
      if (payload[property.name] != null) continue;
      const number = numbers.next();
      if (number.done !== true) made[property.name] = toRow(number.value);
      else if (absent) made[property.name] = absent();
    }
    for (const [name, { absent }] of type.values) {
      if (absent && payload[name] === undefined) made[name] = absent();
    }
    return made;
  }
}

function keysIn(where: unknown): readonly unknown[] {
  const [condition] = Object.values(where as Record<string, { $in: readonly unknown[] }>);
  return condition?.$in ?? [];
}

function changeSetsByPayload(call: StagedCall): Map<unknown, ChangeSet<AnyEntity>> {
  return new Map(call.changeSets.map((changeSet) => [changeSet.payload, changeSet]));
}

/** As `returning` would answer: by column name. */
export function rowOf(type: WriteBehindType, made: Payload, change: Change): Row {
  const row: Row = {};
  for (const [name, value] of Object.entries(made)) {
    const property = type.meta.properties[name];
    const known = type.values.get(name)?.value;
    if (property) row[property.fieldNames[0] ?? name] = known ? known.toRow(known.toText(value)) : value;
  }
  if (type.version && change.version !== undefined) {
    row[type.version.property.fieldNames[0] ?? type.version.property.name] = versionValue(
      change.version,
      type.version.kind,
    );
  }
  return row;
}

/** By property, as the driver would answer it. */
function insertedRows(operations: readonly Operation[], entities: ReadonlySet<AnyEntity>, fields: unknown): Row[] {
  const names = fields as readonly string[];
  return operations
    .filter(({ kind, entity }) => kind === 'insert' && entities.has(entity))
    .map(({ type, change }) => {
      const values = rowValues(type, change.values);
      const read = Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
      return { ...read, ...keyRow(type, change.rowKey) };
    });
}

export function result(rows: Row[], insertId: unknown = 0): QueryResult {
  return { affectedRows: rows.length, insertId, row: rows[0] ?? {}, rows } as unknown as QueryResult;
}
