import { nextTick } from 'node:process';
import { Utils, type EntityManager, type EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { hasSession } from '../contract/call-context.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Find, Options } from './query-options.js';
import { foundBy } from './read-rows.js';
import type { DriverRow } from './row-overlay.js';

type Rows = Map<RowKey, DriverRow>;

/** A look-up by key that goes to PostgreSQL. */
export interface RowsAsked {
  readonly type: WriteBehindType;
  /** The class that is asked for: the type's, or a class of its table. */
  readonly meta: EntityMetadata;
  readonly keys: readonly RowKey[];
  readonly find: Find;
  readonly options: Options;
}

type Waiting = RowsAsked & PromiseWithResolvers<Rows>;

/** Most rows of one statement. */
const MOST_ROWS = 1_000;

/**
 * Reads rows by key in one statement for all callers of a turn of the process, for each class and kind of connection.
 * Each caller gets row objects of its own. A caller that comes later joins the next statement, because a statement that
 * has left may be older than the question. If a statement fails, each caller's rows are read alone: the key or the
 * abort of one caller is no failure of another. Several statements may be on their way.
 */
export class SharedRows {
  #waiting: Waiting[] = [];

  async read(asked: RowsAsked): Promise<Rows> {
    const waiting: Waiting = { ...asked, ...Promise.withResolvers<Rows>() };
    if (this.#waiting.push(waiting) === 1) nextTick(() => this.#leave());
    return waiting.promise;
  }

  #leave(): void {
    const left = this.#waiting;
    this.#waiting = [];
    const byMeta = Map.groupBy(left, ({ meta }) => meta);
    for (const ofMeta of byMeta.values())
      for (const callers of Map.groupBy(ofMeta, ({ options }) => options['connectionType']).values())
        for (const part of inParts(callers)) {
          answer(part).catch((error: unknown) => {
            for (const { reject } of part) reject(error);
          });
        }
  }
}

async function answer(callers: readonly Waiting[]): Promise<void> {
  const [first] = callers;
  if (first === undefined) return;
  const alone = async (caller: Waiting): Promise<void> => foundBy(caller).then(caller.resolve, caller.reject);
  if (callers.length === 1) return alone(first);
  const keys = [...new Set(callers.flatMap((caller) => caller.keys))];
  const rows = await foundBy({ ...first, keys, options: ofSeveral(first.options) }).catch(() => undefined);
  const handedOut = new Set<DriverRow>();
  await Promise.all(
    callers.map(async (caller) => {
      const own = rows && rowsFor(caller, rows, handedOut);
      if (own) caller.resolve(own);
      else await alone(caller);
    }),
  );
}

/** The rows of one caller. The first caller of a row gets the row itself. `undefined`: a row cannot be copied. */
function rowsFor({ keys }: Waiting, rows: Rows, handedOut: Set<DriverRow>): Rows | undefined {
  const own: Rows = new Map();
  for (const key of keys) {
    const row = rows.get(key);
    if (row === undefined) continue;
    const mine = handedOut.has(row) ? copyOf(row) : row;
    if (mine === NO_COPY) return undefined;
    handedOut.add(row);
    own.set(key, mine as DriverRow);
  }
  return own;
}

const NO_COPY = Symbol('no copy');

/** A deep copy of what the driver answers. `NO_COPY`: there is an instance of another class in it. */
function copyOf(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return new Date(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) {
    const items = value.map(copyOf);
    return items.includes(NO_COPY) ? NO_COPY : items;
  }
  if (!Utils.isPlainObject(value)) return NO_COPY;
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    const mine = copyOf(part);
    if (mine === NO_COPY) return NO_COPY;
    Object.defineProperty(copy, name, { value: mine, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/** `limit` and `orderBy` of a look-up are about its one row. */
function ofSeveral(options: Options): Options {
  return { ...options, limit: undefined, orderBy: undefined };
}

function inParts(callers: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const parts: Waiting[][] = [];
  let left = 0;
  for (const caller of callers) {
    if (parts.length === 0 || caller.keys.length > left) {
      parts.push([]);
      left = MOST_ROWS;
    }
    left -= caller.keys.length;
    parts.at(-1)?.push(caller);
  }
  return parts;
}

/** Options that say nothing about the statement of a look-up, or whose part in it is decided already. */
const HARMLESS: ReadonlySet<string> = new Set([
  'em',
  'connectionType',
  'loggerContext',
  'logging',
  'limit',
  'orderBy',
  'flags',
  'filters',
  'strategy',
  '_populateWhere',
  'flushMode',
  'refresh',
  'visited',
  'validate',
  'lookup',
  'convertCustomTypes',
  'ignoreLazyScalarProperties',
  'disableIdentityMap',
  'cache',
]);

/**
 * True if a look-up may be read together with others. A transaction, a lock, a signal, a schema, a session context, and
 * any option that this does not know keep it alone. So does a hook that prepares each connection for its caller.
 */
export function canBeShared(options: Options): boolean {
  const em = options['em'] as EntityManager | undefined;
  if (em === undefined || hasSession(em) || em.config.get('onReserveConnection') !== undefined) return false;
  if (options['convertCustomTypes'] === false || !isPlainLogging(options['logging'])) return false;
  if (!((options['flags'] ?? []) as readonly unknown[]).every((flag) => flag === 'DISABLE_PAGINATE')) return false;
  return Object.keys(options).every((name) => HARMLESS.has(name) || saysNothing(options[name]));
}

/** An instance of a class, such as a transaction or a signal, says something, even if it has no properties. */
function saysNothing(option: unknown): boolean {
  if (option === undefined || option === null || option === false) return true;
  if (Array.isArray(option)) return option.length === 0;
  return Utils.isPlainObject(option) && Object.keys(option).length === 0;
}

/** MikroORM gives every read a number for its log. */
function isPlainLogging(logging: unknown): boolean {
  return logging === undefined || Object.keys(logging as object).every((name) => name === 'id');
}
