import { SpillwayError, textOf } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import { HoldEndingLooks } from '../flush/hold-ending-looks.js';
import { HoldKeeper } from '../flush/hold-keeper.js';
import type { FlushWorker } from '../flush/worker.js';
import type { MoveRight, MovingSink } from '../sink/map-changes.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { StagingStore } from '../staging/staging-store.js';
import { workerOf } from './parts.js';
import type { RuntimeSurroundings } from './surroundings.js';

/** The time for what a healthy process needs a moment for. Milliseconds. */
const COMMAND_MS = 2_000;
/** A drain waits for a server that is away. After this time the servers are asked whether they are there. */
const ROUND_MS = 3_000;
/** Between two looks at what is left. */
const PAUSE_MS = 50;

export interface RestDeps {
  readonly around: RuntimeSurroundings;
  readonly events: SpillwayEvents;
  readonly sink: MovingSink;
  readonly right: MoveRight;
}

/**
 * Writes all that is left in a map that is closed for every other process.
 *
 * @param until as `performance.now()` tells it
 * @throws SpillwayError `DRAIN_TIMEOUT`; what a server says that is away, or the database if the right to move is lost
 */
export async function writeRest(staging: StagingStore, deps: RestDeps, until: number): Promise<void> {
  const { around, events, sink } = deps;
  const keeper = new HoldKeeper(staging, sink, () => undefined);
  const looks = new HoldEndingLooks(staging, keeper, () => around.options.stageTimeoutMs);
  const worker = workerOf({ staging, sink, looks, keeper }, around, events);
  try {
    await writeAll(staging, { ...deps, keeper, worker }, until);
  } finally {
    await worker.stop({ drain: false, timeoutMs: COMMAND_MS });
  }
}

async function writeAll(
  staging: StagingStore,
  { sink, right, keeper, worker }: RestDeps & { readonly keeper: HoldKeeper; readonly worker: FlushWorker },
  until: number,
): Promise<void> {
  const reasons = new Set<string>();
  for (;;) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) throw notDrained(await textOfRest(staging), reasons);
    await right.assure();
    await goOn(keeper.endHolds(), reasons);
    await worker
      .drain({ kind: 'all' }, { timeoutMs: Math.min(leftMs, ROUND_MS), onPutOff: (reason) => reasons.add(reason) })
      .catch((error: unknown) => reasons.add(textOf(error)));
    if (await goOn(isEmpty(staging, sink), reasons)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** A transaction of the application may keep a shard locked for longer than a statement may wait. */
async function goOn<T>(answer: Promise<T>, reasons: Set<string>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SinkFailure)) throw error;
    reasons.add(textOf(error));
    return undefined;
  }
}

/**
 * Nothing is pending, and no transaction writes a batch: such a transaction has locked its shards. One that comes later
 * finds no batch. A server that does not answer may have anything.
 */
async function isEmpty(staging: StagingStore, sink: MovingSink): Promise<boolean> {
  await using locked = await sink.beginExclusive([...Array(staging.shards).keys()]);
  await locked.alive();
  const { pending, inFlight, held, silentShards } = await staging.stats();
  const isNothing = inFlight === 0 && held === 0 && Object.values(pending).every((count) => count === 0);
  return isNothing && silentShards === undefined;
}

async function textOfRest(staging: StagingStore): Promise<string> {
  const { pending, inFlight, held, silentShards } = await staging.stats();
  const counts = Object.entries(pending).map(([entity, count]) => `${count} of ${entity}`);
  const silent = silentShards === undefined ? [] : [`${silentShards.length} shards do not answer`];
  return [...counts, `${inFlight} in flight`, `${held} held by transactions`, ...silent].join(', ');
}

function notDrained(rest: string, reasons: ReadonlySet<string>): SpillwayError {
  const [reason] = reasons;
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `The shards were not moved, because not all pending changes could be written in time (${rest}).` +
      `${reason === undefined ? '' : ` One of the reasons: ${reason}.`} ` +
      'The old map counts again, and nothing is lost. See why they are not written, or give reshard() a longer "timeout"',
  );
}
