import { SpillwayError, textOf } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import { adoptShards } from '../flush/adopt-shards.js';
import type { ResolvedOptions } from '../options.js';
import type { NewMap } from '../resolve-options.js';
import type { PreparedSink } from '../sink/change-sink.js';
import { SinkRestart } from '../sink/sink-failure.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { MapChange, MoveRight, MovingSink } from '../sink/map-changes.js';
import { checkKeeping } from '../staging/redis/server-checks.js';
import { checkRights } from '../staging/redis/right-check.js';
import { addressOf } from '../staging/nodes/redis-nodes.js';
import { copyChains, moveBlocks, moveLastWrites } from '../staging/reshard/carry-over.js';
import type { Move } from '../staging/reshard/move.js';
import { copyLetters, takeLetters } from '../staging/reshard/move-letters.js';
import { clusterText } from '../staging/reshard/cluster-places.js';
import { assertDistinct, samePlaces } from '../staging/reshard/same-places.js';
import type { ShardPlace } from '../staging/reshard/place.js';
import { mapOf, type MapOf, ShardPlaces, type ShardsOn } from '../staging/reshard/shard-places.js';
import {
  assertFree,
  assertOpen,
  clearPlaces,
  closeMap,
  closeNewMap,
  hasFallenBack,
  leavePlaces,
  openMap,
  reopenMap,
} from '../staging/reshard/switch-shards.js';
import type { StagingStore } from '../staging/staging-store.js';
import { claimTierOf } from './claim-tier.js';
import type { Lifecycle } from './lifecycle.js';
import { openStaging } from './open-staging.js';
import { type Pausing, refusePaused } from './pausing.js';
import { arrival } from './open-there.js';
import { LOOK_AT_TABLES, type Sinks } from './sinks.js';
import type { RuntimeSurroundings } from './surroundings.js';
import { writeRest } from './write-rest.js';

/** What a move has done. */
export interface ReshardReport {
  /** The map before, in words: `16 shards on 127.0.0.1:6379/0`. */
  readonly from: string;
  readonly to: string;
  /** Dead letters that have gone to another shard. They have new numbers. */
  readonly movedLetters: number;
}

interface ReshardDeps {
  readonly around: RuntimeSurroundings;
  readonly events: SpillwayEvents;
  readonly sinks: Sinks;
  readonly life: Lifecycle;
  readonly pausing: Pausing;
}

/** The time for what a healthy process needs a moment for. Milliseconds. */
const COMMAND_MS = 2_000;

/**
 * Moves the shards of the namespace to other servers, or makes them more or fewer.
 *
 * 1. What is pending is written while all processes go on.
 * 2. The database notes the move: no process can open the namespace from here on.
 * 3. Each shard is closed: the processes that have the old map are refused. The rest is written.
 * 4. Nothing is pending. Dead letters, last writes and blocks go to their new shards, and the shards open there.
 * 5. The database notes the new number of shards, and that the move has ended.
 *
 * A move that fails in step 3 opens the old map again. One that is interrupted is run again: each step finds what is
 * done already.
 */
export class Resharding {
  readonly #deps: ReshardDeps;

  constructor(deps: ReshardDeps) {
    this.#deps = deps;
  }

  /** @throws SpillwayError `CONFIG_INVALID`, `SHARD_MAP_MISMATCH`, `DRAIN_TIMEOUT`, `STAGING_UNAVAILABLE` and others */
  async move(wanted: NewMap, timeoutMs: number): Promise<ReshardReport> {
    const { around, life, pausing } = this.#deps;
    life.refuseInside('reshard()');
    const until = performance.now() + timeoutMs;
    const on = shardsOn(around.options);
    const isNew = await this.#ask(async (sink) => (await sink.maps.current()) === undefined);
    if (isNew) refusePaused(await pausing.list(await life.open()), 'reshard()');
    // Most of the work is done while the other processes go on.
    if (isNew) await (await life.open()).worker.drain({ kind: 'all' }, { timeoutMs });
    await life.stop({ drain: false, timeoutMs: COMMAND_MS });
    return this.#ask(async (sink) => {
      await using right = await sink.takeMoveRight();
      if (!right) throw isMoved(around.options.namespace);
      // Another process may have moved the shards since they were asked for.
      const prepared = await databaseFor(LOOK_AT_TABLES, sink.prepareMove(false));
      // Awaited here: the right ends with this function.
      return await new Moving(this.#deps, sink, prepared, right).move(on, wanted, until);
    });
  }

  async #ask<T>(question: (sink: MovingSink) => Promise<T>): Promise<T> {
    const { around, sinks } = this.#deps;
    await arrival(around.orm);
    const sink = sinks.open();
    try {
      await databaseFor(LOOK_AT_TABLES, sink.prepareMove(around.options.tables.ensure));
      return await question(sink);
    } finally {
      await sinks.close(sink);
    }
  }
}

class Moving {
  readonly #deps: ReshardDeps;
  readonly #sink: MovingSink;
  readonly #prepared: PreparedSink;
  readonly #right: MoveRight;

  constructor(deps: ReshardDeps, sink: MovingSink, prepared: PreparedSink, right: MoveRight) {
    this.#deps = deps;
    this.#sink = sink;
    this.#prepared = prepared;
    this.#right = right;
  }

  async move(on: ShardsOn, wanted: NewMap, until: number): Promise<ReshardReport> {
    const noted = await this.#sink.maps.current();
    const from = this.#mapOf(on, noted?.from.shards ?? this.#prepared.shards);
    const to = this.#mapOf(wanted.on ?? on, wanted.shards ?? listed(wanted.on) ?? from.shards);
    if (noted) assertSameMove(noted, noteOf(from), noteOf(to));
    await using old = await ShardPlaces.open(from, COMMAND_MS);
    await using next = await ShardPlaces.open(to, COMMAND_MS);
    const move: Move = { from: old, to: next, isSame: await samePlaces(old, next) };
    if (next.epoch === old.epoch && next.all.every(move.isSame)) {
      if (!noted) throw nothingToMove(noteOf(to).text);
      if (noted.phase !== 'draining') throw isOtherMove(noted, noteOf(from), noteOf(to));
      await this.#goBack(old);
      return { from: noteOf(from).text, to: noteOf(to).text, movedLetters: 0 };
    }
    // Other servers may bear the names of the old ones.
    if (noted && noted.to.text !== noteOf(to).text) throw isOtherMove(noted, noteOf(from), noteOf(to));
    await assertDistinct(next);
    for (const { server, keys } of onePerServer(next)) {
      await checkRights(server.connection, keys);
      await checkKeeping(server.connection, this.#deps.around.options.acceptVolatile);
    }
    await assertFree(next, move.isSame, noted?.phase === 'switching');
    const { phase } = noted ?? (await this.#sink.maps.begin({ from: noteOf(from), to: noteOf(to) }));
    if (phase === 'draining') await this.#drain(from, move, until);
    try {
      if (phase === 'switching' && (await hasFallenBack(old))) await this.#drainAgain(from, move, until);
      const movedLetters = await this.#switch(to, move, until);
      return { from: noteOf(from).text, to: noteOf(to).text, movedLetters };
    } catch (error) {
      throw notEnded(error);
    }
  }

  /** Closes the old map, and writes all that is left. If that takes too long, the old map counts again. */
  async #drain(from: MapOf, { from: old, to: next, isSame }: Move, until: number): Promise<void> {
    try {
      await closeMap(old);
      await this.#writeRest(from, until);
      // A process that was about to begin the new map has done so by now, or is refused.
      await assertFree(next, isSame, false);
      await this.#right.assure();
      await this.#sink.maps.enter('switching');
    } catch (error) {
      await this.#goBack(old).catch((failure: unknown) => {
        throw notOpenedAgain(error, failure);
      });
      throw error;
    }
  }

  /**
   * Writes what was staged since the old map was closed, if Redis has forgotten that it was. Letters may have gone to
   * the new map already, so there is no way back to the old one.
   */
  async #drainAgain(from: MapOf, { from: old, to: next, isSame }: Move, until: number): Promise<void> {
    await this.#right.assure();
    await closeNewMap(next, old, isSame);
    await closeMap(old);
    await this.#writeRest(from, until);
  }

  async #writeRest(from: MapOf, until: number): Promise<void> {
    await using store = closing(await this.#open(from, true));
    await this.#adopt(from, store.value, until);
    await writeRest(store.value, { ...this.#deps, sink: this.#sink, right: this.#right }, until);
  }

  /**
   * Only with the right to move: another process may have opened the new map since. Whether the move has entered its
   * second phase may be unknown; a place that is open must not be found there.
   */
  async #goBack(old: ShardPlaces): Promise<void> {
    await this.#right.assure();
    await this.#sink.maps.enter('draining');
    await reopenMap(old);
    await this.#sink.maps.giveUp();
  }

  async #switch(to: MapOf, move: Move, until: number): Promise<number> {
    await this.#sink.maps.grow(to.shards);
    await clearPlaces(move.to, move.isSame);
    const copied = await copyLetters(move);
    await moveLastWrites(move);
    await moveBlocks(move);
    await openMap(move.to, move.from, move.isSame);
    await using store = closing(await this.#open(to, false));
    await this.#adopt(to, store.value, until);
    await copyChains(move);
    await this.#right.assure();
    const taken = await takeLetters(move);
    await leavePlaces(move.from, ({ shard }) => {
      const place = move.to.all[shard];
      return place === undefined || !move.isSame(place);
    });
    await assertOpen(move.to);
    await this.#right.assure();
    await this.#sink.maps.end(to.shards);
    return copied + taken;
  }

  /** A transaction of the application may keep a shard locked for longer than a statement may wait. */
  async #adopt(of: MapOf, staging: StagingStore, until: number): Promise<void> {
    for (;;) {
      try {
        await adoptShards(shardsOf(of), staging, this.#sink);
        return;
      } catch (error) {
        if (!(error instanceof SinkRestart)) throw error;
        if (performance.now() >= until) throw shardsLocked(error);
        await this.#right.assure();
      }
    }
  }

  async #open({ on, shards }: MapOf, isMoving: boolean): Promise<StagingStore> {
    const { options, types, logger } = this.#deps.around;
    const claimTier = claimTierOf(types);
    const prepared = { identity: this.#prepared.identity, shards };
    return openStaging(
      { ...options, staging: on },
      prepared,
      claimTier,
      logger,
      new AbortController().signal,
      isMoving,
    );
  }

  #mapOf(on: ShardsOn, shards: number): MapOf {
    const { namespace } = this.#deps.around.options;
    return { on, namespace, shards, database: this.#prepared.identity };
  }
}

/** A place on each server that has shards. */
function onePerServer({ all }: ShardPlaces): readonly ShardPlace[] {
  return [...new Map(all.map((place) => [place.server.connection.server, place])).values()];
}

function shardsOf({ shards }: MapOf): readonly number[] {
  return [...Array(shards).keys()];
}

/** The map as the database notes it. */
function noteOf(of: MapOf): MapChange['from'] {
  const map = mapOf(of);
  const { shards } = of;
  if (map) return { text: `${map.text} (map ${map.fingerprint})`, shards };
  if (of.on.kind === 'cluster') return { text: clusterText(of.on.choice, shards), shards };
  const address = of.on.kind === 'redis' ? addressOf(of.on.target, 'redis') : undefined;
  return { text: `${shards} shards on ${address ?? 'one server'}`, shards };
}

function listed(on: ShardsOn | undefined): number | undefined {
  const shares = on?.kind === 'nodes' ? on.choice.shares : undefined;
  return shares && [...shares.values()].flat().length;
}

function shardsOn({ staging }: ResolvedOptions): ShardsOn {
  if (staging.kind === 'redis' || staging.kind === 'nodes' || staging.kind === 'cluster') return staging;
  throw new SpillwayError(
    'CONFIG_INVALID',
    'reshard() moves shards of Redis, but the option "staging" gives another store; nothing was done. Move its shards as that store says',
  );
}

function assertSameMove(noted: MapChange, from: MapChange['from'], to: MapChange['to']): void {
  const isSame = noted.from.text === from.text && noted.to.text === to.text;
  const isBack = noted.phase === 'draining' && noted.from.text === from.text && to.text === from.text;
  if (!isSame && !isBack) throw isOtherMove(noted, from, to);
}

function isOtherMove(noted: MapChange, from: MapChange['from'], to: MapChange['to']): SpillwayError {
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `A move from ${noted.from.text} to ${noted.to.text} has begun, but this is one from ${from.text} to ${to.text}; nothing was done. ` +
      'Run reshard() with the maps of that move until it has ended, by the same addresses; then to another one',
  );
}

function isMoved(namespace: string): SpillwayError {
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `Another process moves the shards of the namespace "${namespace}" now; nothing was done. Wait until its reshard() has ended`,
  );
}

function nothingToMove(map: string): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `reshard() was given the map that the namespace has already: ${map}; nothing was done. Give it other servers, or another number of shards`,
  );
}

function shardsLocked(cause: SinkRestart): SpillwayError {
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `The shards were not moved in time, because a transaction keeps some of them locked (${textOf(cause)}); nothing is lost. ` +
      'End that transaction, or give reshard() a longer "timeout"',
    { cause },
  );
}

function notEnded(error: unknown): SpillwayError {
  return new SpillwayError(
    error instanceof SpillwayError ? error.code : 'DATABASE_UNAVAILABLE',
    `The move of the shards has begun and not ended (${textOf(error)}). No process can stage until it has, and nothing is lost. ` +
      'Run reshard() again with the same maps',
    { cause: error },
  );
}

function notOpenedAgain(error: unknown, failure: unknown): SpillwayError {
  return new SpillwayError(
    'SHARD_MAP_MISMATCH',
    `The shards were not moved (${textOf(error)}), and the old map could not be opened again (${textOf(failure)}). ` +
      'No process can stage until then, and nothing is lost. Run reshard() again, to the same map or to the old one',
    { cause: error },
  );
}

function closing(value: StagingStore): AsyncDisposable & { readonly value: StagingStore } {
  return { value, [Symbol.asyncDispose]: async () => value.close() };
}
