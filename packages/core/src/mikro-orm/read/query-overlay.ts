import type { EntityMetadata } from '@mikro-orm/core';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { isDrainTimeout } from '../../errors.js';
import { judgeRow } from '../../read/judge-row.js';
import { pendingRecord } from '../../read/overlay.js';
import { readByKey } from '../../read/read-by-key.js';
import type { Pending } from '../../staging/look-side.js';
import { rowKeyIn, keyCondition } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Engine } from '../engine.js';
import { isExact } from './exact-overlay.js';
import { decidesBy, namesIn } from './named-columns.js';
import { primary, type Find, type Options } from './query-options.js';
import { asLaid, noteRows } from './laid-rows.js';
import { layOver, rowVersion, type DriverRow } from './row-overlay.js';

/** A query whose rows are laid over. */
export interface OverlaidQuery {
  readonly type: WriteBehindType;
  readonly meta: EntityMetadata;
  readonly where: unknown;
  readonly options: Options;
  readonly find: Find;
  /** True if rows that cannot be laid over may be written first. False if this has just been tried in vain. */
  readonly mayWrite: boolean;
}

/** Options that choose or order the rows of a query; they make no sense when rows are read again by key. */
const PAGING = [
  'limit',
  'offset',
  'first',
  'last',
  'before',
  'after',
  'overfetch',
  'orderBy',
  '_partitionLimit',
] as const;

/**
 * Lays pending changes over the rows that PostgreSQL has answered to a query by criteria.
 *
 * The rows are read first, so the pending changes are looked up too late to be sure that a row is not older (H3). If
 * the version of a row does not tell, the row is read again by key and by the query's own condition, now in the right
 * order. A change of a property that the condition names may take the row out of the answer, to another tenant for
 * instance. Such a row is written first, then read again; if it cannot be written in time, it is left out.
 */
export async function overlayQuery(
  rows: readonly DriverRow[],
  query: OverlaidQuery,
  engine: Engine,
): Promise<DriverRow[]> {
  const { type } = query;
  const keys = rows.map((row) => rowKeyIn(type, row));
  const pending = await engine.pending.peek([...new Set(keys)]);
  const judge = new RowJudge(query);
  const verdicts = rows.map((row, index) => judge.verdict(pending.get(keys[index] as RowKey), row));
  const open = keys.filter((_, index) => verdicts[index]?.kind === 'again');
  const answers = await readAgain([...new Set(open)], pending, judge, engine);
  const answer = rows.map((row, index) => {
    const key = keys[index] as RowKey;
    const verdict = verdicts[index];
    if (verdict?.kind === 'as-is') return row;
    if (verdict?.kind === 'again') return answers.get(key);
    return verdict?.kind === 'lay' ? judge.lay(verdict.record, row, key) : undefined;
  });
  noteRows(
    type,
    answer.flatMap((row, index) => (row ? [[keys[index] as RowKey, row] as const] : [])),
    query.options['em'],
  );
  return answer.filter((row) => row !== undefined);
}

/** Decides about single rows of one query. */
class RowJudge {
  readonly query: OverlaidQuery;
  readonly #names: ReadonlySet<string>;

  constructor(query: OverlaidQuery) {
    this.query = query;
    const { where, options, type } = query;
    const conditions = ['populateWhere', 'populateFilter', 'having', 'unionWhere'].map((name) => options[name]);
    // MikroORM adds a condition on the class of a row by itself.
    this.#names = namesIn([where, ...conditions, type.family && { [type.family.discriminator]: '' }]);
  }

  verdict(pending: Pending | undefined, row: DriverRow): ReturnType<typeof judgeRow> {
    const { type } = this.query;
    const isBlind = type.version === undefined || type.counters.size > 0;
    const verdict = judgeRow(pending, rowVersion(type, row), isBlind);
    if (verdict.kind === 'lay' && this.mustBeWritten(verdict.record)) return { kind: 'again' };
    return verdict;
  }

  /**
   * True for a record that cannot be laid over: only PostgreSQL can tell whether the row is in the answer, or what it
   * looks like.
   */
  mustBeWritten(record: StagedRecord): boolean {
    const { type } = this.query;
    return type.lookups === 'drain' || decidesBy(type, this.#names, record) || !isExact(type, record);
  }

  /**
   * The row with the record on top. A record alone makes no row: PostgreSQL may not have found the row because of the
   * condition.
   */
  lay(record: StagedRecord, row: DriverRow | undefined, key: RowKey): DriverRow | undefined {
    const { type, meta } = this.query;
    if (row === undefined || record.kind === 'delete' || decidesBy(type, this.#names, record)) return undefined;
    if (type.lookups === 'drain') return row;
    const laid = layOver(type, record, row, key);
    if (!laid || (type.family && !type.family.holds(meta, { ...row, ...laid }))) return undefined;
    // A query may have asked for some of the properties only.
    return asLaid(Object.fromEntries(Object.keys(row).map((name) => [name, name in laid ? laid[name] : row[name]])));
  }
}

/** Writes the records that have to be written, then reads the rows by key, in the order in which nothing is missed. */
async function readAgain(
  keys: readonly RowKey[],
  pending: ReadonlyMap<RowKey, Pending>,
  judge: RowJudge,
  engine: Engine,
): Promise<ReadonlyMap<RowKey, DriverRow>> {
  if (keys.length === 0) return new Map();
  const { type, where, options, find, mayWrite } = judge.query;
  const unwritten = keys.filter((key) => {
    const record = pendingRecord(pending.get(key));
    return record !== undefined && judge.mustBeWritten(record);
  });
  if (mayWrite && unwritten.length > 0) await write(unwritten, engine);
  const asked = Object.fromEntries(
    Object.entries(primary(options)).filter(([name]) => !(PAGING as readonly string[]).includes(name)),
  );
  return readByKey<DriverRow>(keys, {
    peek: (wanted) => engine.pending.peek(wanted),
    outcomes: (tokens) => engine.pending.outcomes(tokens),
    acknowledge: (key, token, outcomes) => engine.pending.acknowledge(key, token, outcomes),
    hasForgotten: (key) => engine.pending.hasForgotten(key),
    read: async (wanted) => {
      const found = (await find({ $and: [where, keyCondition(type, wanted)] }, asked)) as DriverRow[];
      return new Map(found.map((row) => [rowKeyIn(type, row), row]));
    },
    versionOf: (row) => rowVersion(type, row),
    lay: (record, row, key) => judge.lay(record, row, key),
  });
}

/** Records that PostgreSQL does not take in time stay pending; their rows are left out. */
async function write(keys: readonly RowKey[], engine: Engine): Promise<void> {
  try {
    await engine.waits.drain({ kind: 'rows', keys });
  } catch (error) {
    if (!isDrainTimeout(error)) throw error;
  }
}
