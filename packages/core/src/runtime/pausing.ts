import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityName } from '@mikro-orm/core';
import { type RowKey, parseRowKey, tableOf, type TableName } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { isAnyPaused, isPaused, NONE_PAUSED, type Paused, pausesText } from '../sink/paused-entities.js';
import type { Lifecycle } from './lifecycle.js';
import type { Parts } from './parts.js';

/** What is paused, in an answer. */
export interface PausedNames {
  /** `pause()` was called without an entity. */
  readonly all: boolean;
  /** The entities that were paused by name, in the order of their names. */
  readonly entities: readonly string[];
}

export function namesOf({ isAll, entities }: Paused): PausedNames {
  return { all: isAll, entities: [...entities.keys()].toSorted() };
}

interface PausingDeps {
  readonly types: TypeRegistry;
  readonly events: SpillwayEvents;
  readonly life: Pick<Lifecycle, 'open' | 'refuseInside'>;
}

/** Batches that were in flight when a pause ended are waited for. Milliseconds. */
const FLIGHTS_MS = 5_000;
const LOOK_EVERY_MS = 25;

/** Shards that are locked together. While one of them is waited for, no flush has the others. */
const LOCKED_AT_ONCE = 16;

/**
 * Pauses of entities, for all processes. The database has them: each flush reads them with the statement that locks its
 * shards, so none has to be told, and none forgets. A flush gives records of a paused entity back as they are.
 */
export class Pausing {
  readonly #deps: PausingDeps;
  #known: Paused = NONE_PAUSED;

  constructor(deps: PausingDeps) {
    this.#deps = deps;
  }

  /** What a flush of this process has read. Says by events what is new. */
  note(paused: Paused): void {
    const before = this.#known;
    if (pausesText(before) === pausesText(paused)) return;
    this.#known = paused;
    const { events } = this.#deps;
    if (paused.isAll && !before.isAll) events.emit({ type: 'paused', cause: 'operator' });
    if (before.isAll && !paused.isAll) events.emit({ type: 'resumed' });
    for (const entity of paused.entities.keys())
      if (!before.entities.has(entity)) events.emit({ type: 'paused', cause: 'operator', entity });
    for (const entity of before.entities.keys())
      if (!paused.entities.has(entity)) events.emit({ type: 'resumed', entity });
  }

  async pause(entity: EntityName | undefined): Promise<void> {
    this.#deps.life.refuseInside('pause()');
    const type = entity === undefined ? undefined : this.#deps.types.namedOrRefused(entity);
    const parts = await this.#deps.life.open();
    await parts.sink.pausedEntities.add(type?.meta.className, type && tableOf(type));
    await untilRead(parts);
    this.note(await parts.sink.pausedEntities.list());
  }

  async resume(entity: EntityName | undefined): Promise<void> {
    this.#deps.life.refuseInside('resume()');
    const type = entity === undefined ? undefined : this.#deps.types.namedOrRefused(entity);
    const parts = await this.#deps.life.open();
    await parts.sink.pausedEntities.remove(type?.meta.className);
    await untilRead(parts);
    await parts.staging.due.endPauses();
    // A batch that was written while the pause lasted gives its records back when it is acknowledged.
    if (await untilLanded(parts)) await parts.staging.due.endPauses();
    this.note(await parts.sink.pausedEntities.list());
    parts.worker.wake(all(parts));
  }

  async list(parts: Pick<Parts, 'sink'>): Promise<Paused> {
    const paused = await parts.sink.pausedEntities.list();
    this.note(paused);
    return paused;
  }

  /**
   * For a wait that would be in vain, as far as this process knows.
   * @throws SpillwayError `WRITE_TIMEOUT`, `DRAIN_TIMEOUT` if one of the tables is paused, and still is
   */
  async refuseKnown(
    tables: readonly TableName[],
    code: 'WRITE_TIMEOUT' | 'DRAIN_TIMEOUT',
    parts: Parts,
  ): Promise<void> {
    if (isAnyPaused(this.#known)) await this.refuse(tables, code, parts);
  }

  /** @throws SpillwayError `WRITE_TIMEOUT`, `DRAIN_TIMEOUT` if one of the tables is paused */
  async refuse(
    tables: readonly TableName[],
    code: 'WRITE_TIMEOUT' | 'DRAIN_TIMEOUT',
    parts: Pick<Parts, 'sink'>,
  ): Promise<void> {
    const paused = await this.list(parts);
    const table = tables.find((each) => isPaused(paused, each));
    if (table !== undefined) throw pausedError(paused, table, code);
  }
}

/** The tables of rows. */
export function tablesOf(rows: readonly RowKey[]): readonly TableName[] {
  const tables = rows.map((row) => parseRowKey(row));
  return tables.map(({ schema, table }) => ({ schema, table }));
}

/** What is paused, in words: `Product`, or `writing`. */
function nameIn(paused: Paused, table: TableName): { readonly name: string; readonly argument: string } {
  const named = [...paused.entities].find(([entity, its]) =>
    isPaused({ isAll: false, entities: new Map([[entity, its]]) }, table),
  );
  return named && !paused.isAll ? { name: named[0], argument: named[0] } : { name: 'Writing', argument: '' };
}

function pausedError(paused: Paused, table: TableName, code: 'WRITE_TIMEOUT' | 'DRAIN_TIMEOUT'): SpillwayError {
  const { name, argument } = nameIn(paused, table);
  return new SpillwayError(
    code,
    `${name} is paused, so what is staged of the table ${table.table} is not written. ` +
      `Nothing is lost, it stays staged. Spillway.of(orm).resume(${argument}) goes on`,
  );
}

/** Refuses what has to write everything. @throws SpillwayError `CONFIG_INVALID` if anything is paused */
export function refusePaused(paused: Paused, what: string): void {
  if (!isAnyPaused(paused)) return;
  const { all: isAll, entities } = namesOf(paused);
  const names = [...(isAll ? ['everything'] : []), ...entities].join(', ');
  throw new SpillwayError(
    'CONFIG_INVALID',
    `${what} has to write everything that is staged, and paused is: ${names}. Call resume() before`,
  );
}

function all({ staging }: Pick<Parts, 'staging'>): readonly number[] {
  return [...Array(staging.shards).keys()];
}

/**
 * Until every flush that has begun before has committed. A transaction of the application that has locked a shard for
 * longer is not waited for: it promotes rows also where they are paused.
 */
async function untilRead({ sink, staging }: Pick<Parts, 'sink' | 'staging'>): Promise<void> {
  const shards = all({ staging });
  for (let first = 0; first < shards.length; first += LOCKED_AT_ONCE) {
    try {
      await using _ = await sink.beginExclusive(shards.slice(first, first + LOCKED_AT_ONCE));
    } catch {
      // The pause is noted, or has ended, in any case.
    }
  }
}

/** Until the batches have ended that are in flight now. Answers false if there are none. */
async function untilLanded({ looks, staging }: Pick<Parts, 'looks' | 'staging'>): Promise<boolean> {
  const flying = new Map<number, string>();
  const inFlight = async (shard: number): Promise<string> => (await looks.chain(shard))?.inFlight ?? '';
  await Promise.all(
    all({ staging }).map(async (shard) => {
      const token = await inFlight(shard);
      if (token !== '') flying.set(shard, token);
    }),
  );
  const found = flying.size > 0;
  const untilMs = performance.now() + FLIGHTS_MS;
  while (flying.size > 0 && performance.now() < untilMs) {
    await sleep(LOOK_EVERY_MS);
    for (const [shard, token] of flying) if ((await inFlight(shard)) !== token) flying.delete(shard);
  }
  return found;
}
