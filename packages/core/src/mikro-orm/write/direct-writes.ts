import type { EntityMetadata, Platform, QueryResult } from '@mikro-orm/core';
import { signalOf, unlessAborted } from '../contract/call-context.js';
import type { Change } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import type { StageResult } from '../../staging/stage-result.js';
import {
  directDelete,
  directUpdate,
  directUpsert,
  type RowSeen,
  onlyDatabaseMakes,
  upsertedRow,
} from './direct-changes.js';
import { directPayload, makesRow, type Payload, hasPlainShape } from './direct-payload.js';
import type { EngineWrites } from '../engine.js';
import { comparesNothing, fallbackUnder, fellBack, type Fallback } from '../change/fallback.js';
import { isInSchema, namesKey, rowKeyIn } from '../describe/entity-key.js';
import { lookupKeys, hasPlainKey } from '../describe/lookup.js';
import type { Find, Reads } from '../read/reads.js';
import { changesError } from './refusal-error.js';
import { announceFallback, stageOrFallBack, Unstaged } from './stage-or-fall-back.js';
import { result, rowOf, type StagedWrites } from './staged-writes.js';
import { isDrained } from '../change/staging-unit.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

type Options = Readonly<Record<string, unknown>>;

/**
 * The answer that the database would give. Otherwise the call has to go by SQL: as it is (`undefined`), or because it
 * could not be staged.
 */
type Answer = QueryResult | Fallback | undefined;

/** Finds the rows of a call, until the signal is aborted. */
interface Looking {
  readonly find: Find;
  readonly signal: AbortSignal | undefined;
}

/**
 * The most looks of one call. Another writer may change a row between a look at it and the stage call; the call then
 * looks again.
 */
const LOOKS = 20;

/**
 * Options that make an upsert other than "insert the row, or set the given values". MikroORM adds the second one if
 * `onCreate` makes values.
 */
const UPSERT_OPTIONS = ['onConflictFields', 'onConflictMergeFields', 'onConflictWhere'];

/**
 * Stages the calls that write past the unit of work: `em.insert()`, `em.insertMany()`, `em.upsert()`,
 * `em.upsertMany()`, `em.nativeUpdate()` and `em.nativeDelete()`, if they name their rows by primary key and give plain
 * values. Each method answers as the database would, or `undefined` for a call that has to go by SQL. Inside a
 * transaction every call does. A call that cannot be staged is written by SQL if the policy says so (C6). Without the
 * staging store, only new rows are: their insert is refused if the row exists.
 */
export class DirectWrites {
  readonly #types: TypeRegistry;
  readonly #engine: EngineWrites;
  readonly #writes: StagedWrites;
  readonly #reads: Reads;
  readonly #platform: Platform;

  constructor(types: TypeRegistry, engine: EngineWrites, writes: StagedWrites, reads: Reads, platform: Platform) {
    this.#types = types;
    this.#engine = engine;
    this.#writes = writes;
    this.#reads = reads;
    this.#platform = platform;
  }

  async insert(meta: EntityMetadata, rows: readonly object[], options: Options): Promise<Answer> {
    const type = this.#typeFor(meta, options);
    const payloads = type && this.#payloads(type, rows, options);
    if (!type || !payloads?.every((payload) => makesRow(type, payload))) return undefined;
    const signal = signalOf(options);
    const made = await unlessAborted(signal, async () => this.#writes.newRows(type, payloads));
    const staged = await this.#stage(
      type,
      made.map(({ change }) => change),
      signal,
    );
    if (staged instanceof Unstaged) {
      announceFallback(type, staged.way, made.length, this.#engine);
      return staged.way;
    }
    const answers = made.map(({ row }) => row);
    // A key that was given is not returned.
    return { ...result(answers), insertId: answers[0]?.[type.key.columns[0]?.column.name ?? ''] as never };
  }

  async update(meta: EntityMetadata, where: unknown, data: object, options: Options, find: Find): Promise<Answer> {
    const type = this.#typeFor(meta, options);
    const keys = type && lookupKeys(type, where, options);
    const payload = type && this.#payloads(type, [data], options)?.[0];
    if (!type || !keys || !payload || Object.keys(payload).length === 0) return undefined;
    const isPlain = Object.entries(payload).every(([name, value]) => isAssignable(type, name, value));
    if (!isPlain) return undefined;
    return this.#unlessBlind(type, keys, 'em.nativeUpdate()', () =>
      this.#change(type, keys, { find, signal: signalOf(options) }, (seen) => directUpdate(type, seen, payload)),
    );
  }

  async delete(meta: EntityMetadata, where: unknown, options: Options, find: Find): Promise<Answer> {
    const type = this.#typeFor(meta, options);
    const keys = type && lookupKeys(type, where, options);
    if (!keys || type.closesCycle || this.#types.isFollowed(meta)) return undefined;
    return this.#unlessBlind(type, keys, 'em.nativeDelete()', () =>
      this.#change(type, keys, { find, signal: signalOf(options) }, (seen) => directDelete(type, seen)),
    );
  }

  /** Each condition must be the primary key of the row in the same place. */
  async upsert(
    meta: EntityMetadata,
    where: readonly unknown[],
    rows: readonly object[],
    options: Options,
    find: Find,
    call: string,
  ): Promise<Answer> {
    const type = isPlainUpsert(options) ? this.#typeFor(meta, options) : undefined;
    const payloads = type && this.#payloads(type, rows, options);
    if (!type || !payloads?.every((payload) => makesRow(type, payload)) || !haveSameProperties(payloads))
      return undefined;
    const keys = keysOf(type, payloads);
    // SQL refuses a row that is there twice, so the call goes by SQL.
    if (new Set(keys).size < rows.length || !keys.every((key, i) => lookupKeys(type, where[i], {})?.[0] === key))
      return undefined;
    return this.#unlessBlind(type, keys, call, () =>
      this.#upsert(type, keys, payloads, { find, signal: signalOf(options) }),
    );
  }

  async #upsert(
    type: WriteBehindType,
    keys: readonly RowKey[],
    payloads: readonly Payload[],
    { find, signal }: Looking,
  ): Promise<QueryResult | Unstaged | undefined> {
    const found = await unlessAborted(signal, async () => this.#reads.rows(type, keys, find));
    if (keys.some((key, i) => !found.has(key) && onlyDatabaseMakes(type, payloads[i] ?? {}))) return undefined;
    const changes = keys.map((rowKey, i) => directUpsert(type, { rowKey, row: found.get(rowKey) }, payloads[i] ?? {}));
    const staged = await this.#stage(type, changes, signal);
    if (staged instanceof Unstaged) return staged;
    const answers = changes.map((change) => {
      const version = staged.get(change.rowKey);
      const stamped = version === undefined ? change : { ...change, version };
      return { ...upsertedRow(type, stamped, found.get(change.rowKey)), ...rowOf(type, {}, stamped) };
    });
    return result(answers);
  }

  /** Changes the rows that exist, and answers how many. */
  async #change(
    type: WriteBehindType,
    keys: readonly RowKey[],
    { find, signal }: Looking,
    build: (seen: RowSeen) => Change,
  ): Promise<QueryResult | Unstaged> {
    let open = keys;
    let affected = 0;
    for (let look = 1; open.length > 0; look++) {
      // A call that has staged some of its rows is not given up half-way.
      const ending = affected === 0 ? signal : undefined;
      const found = await unlessAborted(ending, async () => this.#reads.rows(type, open, find));
      const changes = [...found].map(([rowKey, row]) => build({ rowKey, row }));
      const outcome =
        changes.length > 0 ? await stageOrFallBack(type, changes, this.#engine, { signal: ending }) : undefined;
      if (outcome instanceof Unstaged) {
        // If some rows of a call are staged, the rest is not written in another way.
        if (affected > 0) throw outcome.error;
        return outcome;
      }
      affected += outcome?.staged.size ?? 0;
      const refused = changes.filter(({ rowKey }) => outcome && !outcome.staged.has(rowKey));
      if (outcome && refused.length > 0 && (look === LOOKS || !isOvertaken(outcome)))
        throw changesError(changes, outcome, this.#engine);
      open = refused.map(({ rowKey }) => rowKey);
    }
    return result(Array.from({ length: affected }, () => ({})));
  }

  /** A change that compares no version must not overtake pending changes of its row while these cannot be seen. */
  async #unlessBlind(
    type: WriteBehindType,
    keys: readonly RowKey[],
    call: string,
    act: () => Promise<QueryResult | Unstaged | undefined>,
  ): Promise<Answer> {
    let answer: Awaited<ReturnType<typeof act>>;
    try {
      answer = await act();
    } catch (error) {
      throw fallbackUnder(error, [type.policy]) === 'down' ? comparesNothing(call, type, error) : error;
    }
    if (!(answer instanceof Unstaged)) return answer;
    if (answer.way === 'down') throw comparesNothing(call, type, answer.error);
    announceFallback(type, answer.way, keys.length, this.#engine);
    return answer.way;
  }

  async #stage(
    type: WriteBehindType,
    changes: readonly Change[],
    signal: AbortSignal | undefined,
  ): Promise<StageResult['staged'] | Unstaged> {
    const outcome = await stageOrFallBack(type, changes, this.#engine, { signal });
    if (outcome instanceof Unstaged) return outcome;
    if (outcome.staged.size < changes.length) throw changesError(changes, outcome, this.#engine);
    return outcome.staged;
  }

  #payloads(type: WriteBehindType, rows: readonly object[], options: Options): Payload[] | undefined {
    const form = options['convertCustomTypes'] === false ? 'snapshot' : 'data';
    const payloads = rows.map((row) => directPayload(type, row, form, this.#platform));
    const plain = payloads.filter((payload) => payload !== undefined);
    return plain.length === rows.length ? plain : undefined;
  }

  /** Not every call tells its entity manager. If connections are given session contexts, any call may have one. */
  #typeFor(meta: EntityMetadata, options: Options): WriteBehindType | undefined {
    const type = this.#types.of(meta);
    if (type?.policy.mode !== 'behind' || isDrained(options) || fellBack(options)) return undefined;
    if (!isInSchema(type, options['schema'] as string | undefined)) return undefined;
    if (this.#platform.getConfig().get('sessionContext') === 'connection') return undefined;
    return hasPlainKey(type) && hasPlainShape(type) && options['ctx'] === undefined ? type : undefined;
  }
}

function isAssignable(type: WriteBehindType, name: string, value: unknown): boolean {
  const property = type.values.get(name)?.property;
  return property !== undefined && (value !== null || property.nullable === true);
}

/** True if the only failure is that other writers changed the rows after the call had read them. */
function isOvertaken({ refused, unknown, dropped }: StageResult): boolean {
  const isRace = refused.every(({ reason }) => reason === 'stale' || reason === 'deleted');
  return isRace && refused.length > 0 && unknown.length === 0 && dropped.length === 0;
}

function isPlainUpsert(options: Options): boolean {
  const { onConflictAction, onConflictExcludeFields } = options as {
    readonly onConflictAction?: string;
    readonly onConflictExcludeFields?: readonly unknown[];
  };
  if (onConflictAction !== undefined && onConflictAction !== 'merge') return false;
  return !onConflictExcludeFields?.length && UPSERT_OPTIONS.every((name) => options[name] === undefined);
}

/** SQL gives all rows of one statement the same columns, and fills in the defaults of those that a row lacks. */
function haveSameProperties(payloads: readonly Payload[]): boolean {
  const names = payloads.map((payload) => JSON.stringify(Object.keys(payload).toSorted()));
  return new Set(names).size === 1;
}

function keysOf(type: WriteBehindType, payloads: readonly Payload[]): RowKey[] {
  return payloads.every((payload) => namesKey(type, payload)) ? payloads.map((payload) => rowKeyIn(type, payload)) : [];
}
