import { helper, LockMode, type EntityMetadata } from '@mikro-orm/core';
import { makesMissing } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type { QueryMode } from '../../policy/query-mode.js';
import { readByKey } from '../../read/read-by-key.js';
import type { Pending } from '../../staging/look-side.js';
import { isInSchema, knownRowKey } from '../describe/entity-key.js';
import type { Engine, LoadRows } from '../engine.js';
import { inexactRows } from './exact-overlay.js';
import { signalOf, hasSession } from '../contract/call-context.js';
import { lookupKeys } from '../describe/lookup.js';
import { isDrained } from '../change/staging-unit.js';
import { asLaid, keyed, noteJoinedRows, noteRows } from './laid-rows.js';
import { layOver, rowVersion, type DriverRow } from './row-overlay.js';
import type { CallersTransaction, CallersTransactions } from '../transactions/caller.js';
import { chunksOf } from './chunks-of.js';
import { hasSql } from './named-columns.js';
import { planQuery } from './plan-query.js';
import { foundBy, readKnownRows, type ReadByKey } from './read-rows.js';
import { canBeShared, SharedRows } from './shared-rows.js';
import type { Expected, QueryModes, SentStatements } from './running-queries.js';
import { inTransaction, primary, unlocked, withVersion, type Find, type Options } from './query-options.js';
import { overlayQuery, type OverlaidQuery } from './query-overlay.js';
import type { StatementWaits } from './statement-waits.js';
import { readAlong } from './touched-types.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

export type { Find } from './query-options.js';
type Stream = (where: unknown, options: Options) => AsyncIterableIterator<unknown>;
type Run = <T>(act: () => Promise<T>) => Promise<T>;

const INEXACT_TRIES = 3;
const UNMADE_TRIES = 3;
type From = 'primary' | 'replica';
const STREAM_CHUNK = 100;

/** How a query came about. */
interface QueryCall {
  /** MikroORM's method, by which it is counted if it has to wait. */
  readonly call: string;
  readonly order?: unknown;
  readonly transaction?: unknown;
  /** @defaultValue `true` */
  readonly hasRows?: boolean;
}

type Overlaid = Pick<OverlaidQuery, 'type' | 'mayWrite'>;

/** How rows are read that pending changes are laid over. */
interface HowRead {
  readonly from?: From;
  readonly bare?: Map<RowKey, DriverRow>;
  readonly meta?: EntityMetadata;
}

interface LaidRead {
  readonly read: ReadByKey;
  readonly options: Options;
  readonly from: From;
  readonly bare: Map<RowKey, DriverRow> | undefined;
  readonly unmade: Set<RowKey>;
}

/** How a query is to be sent. */
interface PreparedQuery {
  readonly options: Options;
  /** Set if pending changes are to be laid over its rows. */
  readonly overlaid?: Overlaid;
  /** The types that its SQL is expected to name. Without it, the SQL is not looked at. */
  readonly expected?: Expected;
  /** Runs it, and waits for types that its SQL names unexpectedly. */
  readonly run: Run;
}

const unwatched: Run = async (act) => act();

/**
 * Makes every read of write-behind entities see every acknowledged change. Look-ups by key lay pending changes over
 * PostgreSQL's rows. All other reads wait until pending changes of the types that they touch are written, unless a
 * policy or the call itself asks for less.
 */
export class Reads {
  readonly #types: TypeRegistry;
  readonly #engine: Engine;
  readonly #modes: QueryModes;
  readonly #sent: SentStatements;
  readonly #shared = new SharedRows();
  readonly #transactions: CallersTransactions;
  readonly #waits: StatementWaits;

  constructor(
    engine: Engine,
    modes: QueryModes,
    transactions: CallersTransactions,
    waits: StatementWaits,
    sent: SentStatements,
  ) {
    this.#types = waits.types;
    this.#engine = engine;
    this.#modes = modes;
    this.#transactions = transactions;
    this.#waits = waits;
    this.#sent = sent;
  }

  async find(meta: EntityMetadata, where: unknown, options: Options, send: Find, call = 'find'): Promise<unknown> {
    const rows = await this.#find(meta, where, options, send, call);
    if (Array.isArray(rows)) noteJoinedRows(meta, rows as DriverRow[], this.#types, options['em']);
    return rows;
  }

  async #find(meta: EntityMetadata, where: unknown, options: Options, send: Find, call: string): Promise<unknown> {
    const type = this.#waits.typeIn(meta, options);
    // Made by the first statement: most look-ups of cached entities send none.
    let expected: (Expected & { byKey?: WriteBehindType }) | undefined;
    const find: Find = async (...query) => {
      expected ??= this.#expectedOf(meta, options, call);
      return expected ? this.#sent.during(expected, async () => send(...query)) : send(...query);
    };
    const inside = inTransaction(options);
    const asked = this.#modes.of(options);
    const copied =
      asked !== 'database' &&
      asked !== 'drain' &&
      (await this.#engine.cache?.find(meta, where, options, this.#loader(meta, find, options)));
    if (copied) return this.#noted(type, copied, options);
    // A look-up with a lock is still a look-up.
    const keys =
      type && asked !== 'database' && !isDrained(options) && !this.#readsOthers(type)
        ? lookupKeys(type, where, inside ? unlocked(options) : options)
        : undefined;
    if (
      type &&
      keys &&
      asked !== 'drain' &&
      type.lookups === 'overlay' &&
      this.#laysOver(type, options) &&
      !hasSession(options['em'])
    ) {
      const rows = [...(await this.rows(type, keys, find, options, { meta })).values()];
      // A row that is only staged has not met the condition that MikroORM adds for a subclass.
      return type.family ? rows.filter((row) => type.family?.holds(meta, row)) : rows;
    }
    if (keys) {
      const beforeLock = isPessimistic(options['lockMode']);
      const signal = signalOf(options);
      await this.#waits.forRows(keys, { inside: this.#waits.inside(options), beforeLock, signal });
      return this.#noted(type, await find(where, primary(options)), options);
    }
    const query = await this.beforeQuery(meta, where, options, { call });
    const sendQuery: Find = async (...sent) => query.run(async () => send(...sent));
    return query.overlaid
      ? this.#overlay(query.overlaid, { meta, where, options: query.options, find: sendQuery })
      : this.#noted(
          type,
          await sendQuery(where, type && isDrained(options) ? primary(options) : query.options),
          options,
        );
  }

  /** The types that the SQL of a look-up is expected to name, if any type can have pending changes. */
  #expectedOf(
    meta: EntityMetadata,
    options: Options,
    call: string,
  ): (Expected & { byKey?: WriteBehindType }) | undefined {
    if (this.#types.all.length === 0 || isDrained(options)) return undefined;
    const type = this.#types.of(meta);
    return {
      known: new Set(type && [type]),
      late: this.#lateQuery(`${meta.className}.${call}`, options, this.#waits.inside(options)),
      ...(type && { byKey: type }),
    };
  }

  /** How a query waits for types that its SQL names and its arguments do not. */
  #lateQuery(caller: string, options: Options, inside: CallersTransaction | undefined): Expected['late'] {
    const asked = this.#modes.of(options);
    return async (types, ctx) => {
      const awaited = types.filter(({ policy }) => (asked ?? policy.queries) !== 'database');
      await this.#waits.forTypes(awaited, caller, inside ?? this.#transactions.alone(ctx), {
        signal: signalOf(options),
      });
      return awaited.length > 0 || types.some(({ policy }) => policy.reads === 'primary');
    };
  }

  /** Tells the entity manager which versions of these rows were read in the database. */
  #noted<Rows>(type: WriteBehindType | undefined, rows: Rows, options: Options): Rows {
    if (type?.version && Array.isArray(rows)) noteRows(type, keyed(type, rows as DriverRow[]), options['em']);
    return rows;
  }

  /**
   * A transaction may go on to change by SQL the rows that it reads. Its reads are therefore laid over only if it holds
   * its changes and the read locks no rows.
   */
  #laysOver(type: WriteBehindType, options: Options): boolean {
    const inside = this.#waits.inside(options);
    return inside === undefined || (inside.holds(type.policy) && !isPessimistic(options['lockMode']));
  }

  /**
   * Reads rows that have no copy, with everything that was staged before the call, in the way that the type needs. Rows
   * that fill a copy are read from the primary: a replica may lag behind a transaction of which nothing is remembered,
   * and the copy would stay old after the replica has caught up.
   */
  #loader(meta: EntityMetadata, find: Find, options: Options): LoadRows {
    return async (type, keys, isKept) => {
      const mayBePending = this.#types.of(type.meta) !== undefined;
      if (mayBePending && type.lookups === 'overlay') {
        const bare = new Map<RowKey, DriverRow>();
        const from = isKept ? 'primary' : type.policy.reads;
        return { rows: await this.rows(type, keys, find, options, { meta, from, bare }), bare };
      }
      if (mayBePending) await this.#waits.forRows(keys, { signal: signalOf(options) });
      const rows = await this.#reader(type, find, options, meta)(keys, 'primary');
      return { rows, bare: rows };
    };
  }

  /** Lays pending changes over the rows of a stream, chunk by chunk. */
  async *stream(
    meta: EntityMetadata,
    where: unknown,
    options: Options,
    { find, stream }: { readonly find: Find; readonly stream: Stream },
  ): AsyncIterableIterator<unknown> {
    const prepared = await this.beforeQuery(meta, where, options, { call: 'stream' });
    const { overlaid, options: queried, expected } = prepared;
    const open = (asked: Options): AsyncIterableIterator<unknown> =>
      expected ? this.#sent.streaming(expected, () => stream(where, asked)) : stream(where, asked);
    if (!overlaid) return yield* open(queried);
    const { asked, strip } = withVersion(overlaid.type, queried);
    const query = { ...overlaid, meta, where, options: asked, find };
    for await (const rows of chunksOf(open(asked), STREAM_CHUNK))
      for (const row of await overlayQuery(rows as DriverRow[], query, this.#engine)) yield strip(row);
  }

  /**
   * Before a read that is no look-up: drains the types that it has to wait for. Answers the options to go on with,
   * since drained changes are only on the primary for certain, and whether pending changes are to be laid over its
   * rows.
   */
  async beforeQuery(
    meta: EntityMetadata,
    where: unknown,
    options: Options,
    { call, order, transaction, hasRows = true }: QueryCall,
  ): Promise<PreparedQuery> {
    if (this.#types.all.length === 0 || isDrained(options)) return { options, run: unwatched };
    const inside = this.#waits.inside(options) ?? this.#transactions.of(transaction);
    const root = this.#waits.typeIn(meta, options);
    const isInside = inTransaction(options) || transaction !== undefined;
    const canOverlay = !isInside && !hasSession(options['em']) && !isGrouped(options) && !hasSql(where);
    const touched = this.#waits.touched(meta, [where, order], options);
    const plan = planQuery({ root, touched, asked: this.#modes.of(options), canOverlay, hasRows });
    const caller = `${meta.className}.${call}`;
    const outcome = await this.#waits.forTypes(plan.drained, caller, inside, { signal: signalOf(options) });
    const expected = { known: new Set(touched.all), late: this.#lateQuery(caller, options, inside) };
    const isLate = outcome === 'late' && canOverlay && hasRows && root !== undefined && plan.drained.includes(root);
    return {
      options: plan.primary ? primary(options) : options,
      expected,
      run: async (act) => this.#sent.during(expected, act),
      ...(root && (plan.overlaid || isLate) && { overlaid: { type: root, mayWrite: !isLate } }),
    };
  }

  /** Before SQL that may read or change any table, as the read of a view may. */
  async beforeAnything(caller: string, ctx: unknown, asked: QueryMode | undefined = this.#modes.of({})): Promise<void> {
    const awaited = this.#types.all.filter(({ policy }) => (asked ?? policy.queries) !== 'database');
    await this.#waits.forTypes(awaited, caller, this.#transactions.of(ctx), {});
  }

  async #overlay(overlaid: Overlaid, query: Omit<OverlaidQuery, keyof Overlaid>): Promise<DriverRow[]> {
    const { asked, strip } = withVersion(overlaid.type, query.options);
    const rows = (await query.find(query.where, asked)) as DriverRow[];
    return (await overlayQuery(rows, { ...overlaid, ...query, options: asked }, this.#engine)).map(strip);
  }

  /** A look-up of a row whose reference is in another table, or is found through one, reads that table too. */
  #readsOthers(type: WriteBehindType): boolean {
    return type.lookups === 'drain' && readAlong(this.#types, type.meta).length > 0;
  }

  /** Before `em.lock()`: a caller that locks a row means the row after all earlier changes. */
  async beforeLock(meta: EntityMetadata, entity: object, options: Options): Promise<void> {
    const type = this.#types.of(meta);
    const key = type && isInSchema(type, helper(entity).__schema) ? knownRowKey(type, entity) : undefined;
    if (key === undefined || !isPessimistic(options['lockMode'])) return;
    const asked = { inside: this.#waits.inside(options), beforeLock: true, signal: signalOf(options) };
    await this.#waits.forRows([key], asked);
  }

  /**
   * The rows of these keys that exist, with their pending changes laid over.
   *
   * @param how `meta`: the class that is asked for, if other callers may be read together with this one. `bare` gets
   * the rows as they were read last, without anything laid over
   */
  async rows(
    type: WriteBehindType,
    keys: readonly RowKey[],
    find: Find,
    options: Options = {},
    { from = type.policy.reads, bare, meta }: HowRead = {},
  ): Promise<Map<RowKey, DriverRow>> {
    const unmade = new Set<RowKey>();
    const read = this.#reader(type, find, options, meta);
    const rows = await this.#laidRows(type, keys, { read, options, from, bare, unmade });
    for (let tries = 1; unmade.size > 0 && tries <= UNMADE_TRIES; tries++) {
      const wanted = [...unmade];
      unmade.clear();
      await this.#waits.forRows(wanted, { inside: this.#waits.inside(options) });
      const made = await this.#laidRows(type, wanted, { read, options, from: 'primary', bare, unmade });
      for (const [key, row] of made) rows.set(key, row);
    }
    noteRows(type, rows, options['em']);
    return rows;
  }

  /** @param meta the class that is asked for; without it, rows are read alone */
  #reader(type: WriteBehindType, find: Find, options: Options, meta?: EntityMetadata): ReadByKey {
    const isShared = meta !== undefined && canBeShared(options);
    return async (keys, from) => {
      const sent = from === 'primary' ? primary(options) : options;
      return isShared
        ? this.#shared.read({ type, meta, keys, find, options: sent })
        : foundBy({ type, keys, find, options: sent });
    };
  }

  /** @param unmade gets the missing rows that a pending increment makes: only PostgreSQL knows their values */
  async #laidRows(
    type: WriteBehindType,
    keys: readonly RowKey[],
    { read: readRows, options, from, bare, unmade }: LaidRead,
  ): Promise<Map<RowKey, DriverRow>> {
    let known: ReadonlyMap<RowKey, Pending> = new Map();
    return readByKey<DriverRow>(keys, {
      peek: async (wanted) => {
        known = await this.#peekExact(type, wanted, this.#waits.inside(options));
        return known;
      },
      outcomes: (tokens) => this.#engine.pending.outcomes(tokens, this.#waits.inside(options)),
      acknowledge: (key, token, outcomes) => this.#engine.pending.acknowledge(key, token, outcomes),
      hasForgotten: (key) => this.#engine.pending.hasForgotten(key),
      read: async (wanted) => {
        const read = await readKnownRows(type, wanted, known, readRows, from);
        for (const key of wanted) replace(bare, key, read.get(key));
        return read;
      },
      versionOf: (row) => rowVersion(type, row),
      lay: (record, row, key) => {
        if (row === undefined && makesMissing(record)) unmade.add(key);
        return asLaid(layOver(type, record, row, key));
      },
    });
  }

  /** The pending changes of these rows. Changes that would look different in PostgreSQL are written first. */
  async #peekExact(
    type: WriteBehindType,
    keys: readonly RowKey[],
    inside: CallersTransaction | undefined,
  ): Promise<ReadonlyMap<RowKey, Pending>> {
    for (let tries = 1; ; tries++) {
      const pending = await this.#engine.pending.peek(keys, inside);
      const inexact = inexactRows(type, keys, pending);
      // If PostgreSQL does not take a value at present, its staged form is laid over: better than not at all.
      if (inexact.length === 0 || tries > INEXACT_TRIES) return pending;
      await this.#waits.forRows(inexact, { inside });
    }
  }
}

function replace(rows: Map<RowKey, DriverRow> | undefined, key: RowKey, row: DriverRow | undefined): void {
  if (row === undefined) rows?.delete(key);
  else rows?.set(key, row);
}

function isPessimistic(lockMode: unknown): boolean {
  return lockMode !== undefined && lockMode !== null && lockMode !== LockMode.NONE && lockMode !== LockMode.OPTIMISTIC;
}

/** True if the rows that it answers are not those of the table. */
function isGrouped(options: Options): boolean {
  return options['groupBy'] !== undefined || options['having'] !== undefined;
}
