import { randomUUID } from 'node:crypto';
import { tableOf, type TableName } from '../change/row-key.js';
import { announceCopies, cachedHere } from '../cache/cache.js';
import type { SpillwayEvents } from '../events.js';
import { adoptFreeShards, adoptShards } from '../flush/adopt-shards.js';
import { HoldKeeper } from '../flush/hold-keeper.js';
import { HoldEndingLooks } from '../flush/hold-ending-looks.js';
import { FlushWorker, type WorkerOptions } from '../flush/worker.js';
import { WorkerOnDemand } from '../flush/worker-on-demand.js';
import type { LookSide } from '../staging/look-side.js';
import type { ChangeSink } from '../sink/change-sink.js';
import { databaseFor } from '../sink/database-unavailable.js';
import { Stager } from '../staging/stager.js';
import { nothingStaged } from '../staging/staging-errors.js';
import type { StagingStore } from '../staging/staging-store.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { claimTierOf } from './claim-tier.js';
import { KnownEntities, stagedTables } from './known-entities.js';
import { openStaging } from './open-staging.js';
import { LOOK_AT_TABLES, type Sinks } from './sinks.js';
import type { RuntimeSurroundings } from './surroundings.js';

/** The parts that are open between the first use and the end. */
export interface Parts {
  readonly staging: StagingStore;
  /** What is pending in it, with what transactions have committed. */
  readonly looks: LookSide;
  /** Ends holds whose transactions have ended. */
  readonly keeper: HoldKeeper;
  /** The entities that any release staged or cached at the opening. */
  readonly atFirst: Releases;
  readonly sink: ChangeSink;
  readonly stager: Stager;
  readonly worker: WorkerOnDemand;
  readonly entities: KnownEntities;
  /** Ends the events about dropped dead letters. The staging store may outlive the parts. */
  readonly stopHearing: () => void;
}

/**
 * Opens the sink, then the staging store, and wires them to the stager and the worker. After a failure it closes the
 * parts that it has opened.
 * @param end when it is aborted, no caller waits any more: parts that are open, or open later, are closed
 */
export async function openParts(
  around: RuntimeSurroundings,
  events: SpillwayEvents,
  sinks: Sinks,
  end: AbortSignal,
): Promise<Parts> {
  const sink = sinks.open();
  try {
    return await open(around, events, sink, end);
  } catch (error) {
    await sinks.close(sink);
    throw end.aborted ? end.reason : error;
  }
}

async function open(
  around: RuntimeSurroundings,
  events: SpillwayEvents,
  sink: ChangeSink,
  end: AbortSignal,
): Promise<Parts> {
  const { options, types } = around;
  const { edition } = types;
  const announce = async (): Promise<void> => {
    await sink.registry.add(stagedHere(types.inAnyMode));
    await announceCopies(cachedHere(types.inAnyMode), sink.copies, around.logger);
  };
  const reportForgotten = (shards: readonly number[]): void => sayForgotten(shards, events);
  let staging: StagingStore | undefined;
  let atFirst: Releases;
  try {
    const prepared = await databaseFor(LOOK_AT_TABLES, sink.prepare(options.shards, options.tables.ensure));
    await databaseFor(LOOK_AT_TABLES, sink.inspect(stagedTables(types)));
    staging = await openStaging(options, prepared, claimTierOf(types), around.logger, end);
    const all = [...Array(staging.shards).keys()];
    reportForgotten(await databaseFor(LOOK_AT_TABLES, adoptFreeShards(all, staging, sink)));
    await databaseFor(LOOK_AT_TABLES, announce());
    atFirst = await databaseFor(LOOK_AT_TABLES, releasesIn(sink));
    end.throwIfAborted();
  } catch (error) {
    await staging?.close();
    throw nothingStaged(error, 'Spillway was opened');
  }
  const opened = staging;
  const adopt = async (shards: readonly number[]): Promise<void> =>
    reportForgotten(await adoptShards(shards, opened, sink));
  const keeper = new HoldKeeper(opened, sink, (shards) => worker.wake(shards));
  // What has been stopped is not waited for: it will not come back.
  const patienceMs = (): number => (worker.isStopped ? 0 : options.stageTimeoutMs);
  const looks = new HoldEndingLooks(opened, keeper, patienceMs);
  const worker = new WorkerOnDemand(looks, () => workerOf({ staging: opened, sink, looks, keeper }, around, events));
  const stopHearing = opened.deadLetters.onDropped((dropped) =>
    events.emit({ type: 'dead-letters-dropped', ...dropped }),
  );
  const entities = new KnownEntities({ types, sink, shards: staging.shards, announce }, edition);
  const endHolds = async (): Promise<unknown> => keeper.endHolds();
  return {
    staging: opened,
    looks,
    keeper,
    atFirst,
    sink,
    stager: new Stager(staging, { stageTimeoutMs: options.stageTimeoutMs, adopt, endHolds }),
    worker,
    entities,
    stopHearing,
  };
}

/** The entities that releases stage and cache, as the database knows them. */
export interface Releases {
  /** Entities that may have staged changes -> their tables. */
  readonly staged: ReadonlyMap<string, TableName>;
  /** Tables of which copies of rows are kept. */
  readonly copied: readonly TableName[];
}

export const NO_RELEASES: Releases = { staged: new Map(), copied: [] };

/** Of a database that has been prepared. */
export async function releasesIn(sink: ChangeSink): Promise<Releases> {
  const [staged, copied] = await Promise.all([sink.registry.list(), sink.copies.kept.list()]);
  return { staged, copied };
}

/** The entities that this process may stage. */
export function stagedHere(types: readonly WriteBehindType[]): ReadonlyMap<string, TableName> {
  const behind = types.filter(({ policy }) => policy.mode === 'behind');
  return new Map(behind.map((type) => [type.meta.className, tableOf(type)]));
}

/** A staging store that has forgotten shards has forgotten their pending changes: an event reports it. */
function sayForgotten(forgotten: readonly number[], events: SpillwayEvents): void {
  for (const shard of forgotten) {
    events.emit({ type: 'staging-loss', shard, forgot: 'staging', parked: 0, doubtful: 0 });
  }
}

export function workerOf(
  flushing: Pick<WorkerOptions, 'staging' | 'sink' | 'looks' | 'keeper'>,
  { options, types, steps, telemetry }: RuntimeSurroundings,
  events: SpillwayEvents,
): FlushWorker {
  const { concurrency, batchSize, pollIntervalMs } = options.worker ?? {
    concurrency: 1,
    batchSize: 500,
    pollIntervalMs: 50,
  };
  // A shard holds records of all entities, and is healed as a whole: one policy that parks is enough to park.
  const onStagingLoss = (): 'apply' | 'park' =>
    types.all.every(({ policy }) => policy.onStagingLoss === 'apply') ? 'apply' : 'park';
  return new FlushWorker({
    ...flushing,
    events,
    workerId: randomUUID(),
    settings: { concurrency, batchSize, pollMs: pollIntervalMs },
    onStagingLoss,
    trace: telemetry,
    ...(steps && { steps }),
  });
}
