import type { SchedulerLike } from 'rxjs';
import type { RowKey } from '../change/row-key.js';
import { SpillwayError, textOf } from '../errors.js';
import type { DueScope, LookSide, Watermark } from '../staging/look-side.js';
import type { FlushReport, ShardResult } from './flush-report.js';
import { within } from './within.js';

export interface DrainResult {
  /**
   * Shards that still hold records of the scope: they were tried and have to wait (for a parent, for a locked row), or
   * were not to be tried, so they are not in the database yet.
   */
  readonly left: number;
}

export interface DrainLimits {
  readonly timeoutMs: number;
  /** These shards are skipped: the caller has locked them itself, and would wait for its own end. */
  readonly except?: ReadonlySet<number>;
  /** Called for each record that had to wait when this process tried it, with the reason. */
  readonly onPutOff?: (reason: string) => void;
  /** Called if anything of the scope is pending. */
  readonly onFound?: () => void;
}

export interface DrainDeps {
  readonly looks: Pick<LookSide, 'due'>;
  readonly scheduler: SchedulerLike;
  /** Asks for a flush of each of these shards, and resolves when a flush of each has landed since. */
  readonly demand: (shards: ReadonlySet<number>, fresh: boolean) => Promise<void>;
  /** Calls the listener for every flush that lands in this process. Answers a function that removes the listener. */
  readonly onLanding: (listener: (report: FlushReport) => void) => () => void;
}

/**
 * Flushes the changes that were staged in the scope before the call, each record once, or once more after its parents.
 *
 * The staging store makes them due and answers a watermark per shard. This process then flushes the shards until no
 * record that was made due at or below its watermark is pending. If another process works on some of the records, they
 * are pending until it has written them. Records that came before their parents go round again, with the parents, as
 * long as that changes the rows waited for. Other records are not waited for in two cases, and their shard counts as
 * `left`, whichever process has tried it. A record that the database has put off is no longer due by the drain's mark.
 * A record that was refused before and is in its pause is tried as often as its policy says, however many drains there
 * are.
 *
 * @throws SpillwayError `DRAIN_TIMEOUT` when `timeoutMs` have passed before everything was tried; the rest stays staged
 */
export async function drain(
  scope: DueScope,
  { timeoutMs, except = NONE, onPutOff, onFound }: DrainLimits,
  deps: DrainDeps,
): Promise<DrainResult> {
  const progress: Progress = {
    untried: undefined,
    onFound,
    left: new Set(),
    parents: new Set(),
    failure: undefined,
  };
  const stopListening = deps.onLanding((report) => {
    note(report, progress);
    if (onPutOff) for (const reason of reasonsIn(report)) onPutOff(reason);
  });
  try {
    return await within(run(scope, except, progress, deps), timeoutMs, deps.scheduler, () => {
      progress.isOver = true;
      return drainTimeout(scope, timeoutMs, progress);
    });
  } finally {
    stopListening();
  }
}

type Done = Extract<ShardResult, { readonly kind: 'done' }>;

const NONE: ReadonlySet<number> = new Set();

/** The most rounds for records that wait for parents. */
const MOST_ROUNDS = 8;

interface Progress {
  /**
   * Shard -> watermark, for the shards with records that have not been tried. Unknown until the staging store has
   * answered.
   */
  untried: Map<number, Watermark> | undefined;
  readonly onFound: (() => void) | undefined;
  readonly left: Set<number>;
  /** Rows that other rows may have waited for in the current round. */
  parents: Set<RowKey>;
  /** The latest error of a flush. */
  failure: unknown;
  isOver?: boolean;
}

async function run(
  scope: DueScope,
  except: ReadonlySet<number>,
  progress: Progress,
  deps: DrainDeps,
): Promise<DrainResult> {
  for (let round = 1, waitedFor = ''; ; round++) {
    await runOnce(scope, except, progress, deps);
    const { left, parents } = progress;
    const waitsFor = [...parents].toSorted().join();
    if (left.size === 0 || waitsFor === waitedFor || round === MOST_ROUNDS || progress.isOver === true)
      return { left: left.size };
    waitedFor = waitsFor;
    progress.parents = new Set();
    left.clear();
    if (scope.kind === 'rows') scope = { kind: 'rows', keys: [...new Set([...scope.keys, ...parents])] };
  }
}

async function runOnce(
  scope: DueScope,
  except: ReadonlySet<number>,
  progress: Progress,
  { looks, demand }: DrainDeps,
): Promise<void> {
  const untried = new Map(await looks.due.make(scope));
  if (untried.size > 0) progress.onFound?.();
  for (const [shard, { paused }] of untried) {
    if (paused !== undefined || except.has(shard)) progress.left.add(shard);
    if (paused === 'all' || except.has(shard)) untried.delete(shard);
  }
  progress.untried = untried;
  for (let fresh = true; untried.size > 0 && progress.isOver !== true; fresh = false) {
    await demand(new Set(untried.keys()), fresh);
    if (untried.size === 0) break;
    const pending = await looks.due.pending(untried);
    for (const shard of untried.keys()) {
      const state = pending.get(shard);
      if (state === 'untried') continue;
      if (state === 'put-off') progress.left.add(shard);
      untried.delete(shard);
    }
  }
}

/** Notes the error for a possible timeout, the parents that rows wait for, and shards that need not be asked again. */
function note(report: FlushReport, progress: Progress): void {
  for (const [shard, result] of report) {
    if (result.kind === 'failed') progress.failure = result.failure.error;
    if (result.kind !== 'done') continue;
    for (const parent of result.waitsFor ?? []) progress.parents.add(parent);
    if (hasAll(result, progress.untried?.get(shard)?.after)) progress.untried?.delete(shard);
  }
}

/**
 * True if the batch is the first one after the drain has made its records due, had room for all of them, and was
 * written. Then the staging store need not be asked whether any of them is left.
 */
function hasAll({ batch, outcomes, ours, more }: Done, after: string | undefined): boolean {
  if (!ours || more || batch.predecessor !== after) return false;
  // What is put off, or refused beside a newer change, may be pending again.
  return [...outcomes.values()].every(({ kind }) => kind !== 'again' && kind !== 'buried');
}

/** Why records of a flush have to wait. */
function* reasonsIn(report: FlushReport): Generator<string> {
  for (const result of report.values())
    if (result.kind === 'done')
      for (const outcome of result.outcomes.values()) if (outcome.kind === 'again') yield outcome.reason;
}

function drainTimeout(scope: DueScope, timeoutMs: number, { untried, failure }: Progress): SpillwayError {
  const rest =
    untried === undefined
      ? 'the staging store has not answered'
      : `${untried.size} shards still hold changes that were staged before it`;
  const because = failure === undefined ? '' : ` The last flush that failed said: ${textOf(failure)}.`;
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `A drain of ${scopeText(scope)} did not end within ${Math.round(timeoutMs)} ms: ${rest}.${because} Nothing is lost, they stay staged and are flushed later; check that the database takes writes, or give a longer time-out.`,
    { cause: failure },
  );
}

function scopeText(scope: DueScope): string {
  switch (scope.kind) {
    case 'all':
      return 'everything staged';
    case 'tables':
      return scope.tables.map(({ schema, table }) => (schema === '' ? table : `${schema}.${table}`)).join(', ');
    case 'rows':
      return scope.keys.length === 1 ? `the row ${scope.keys[0]}` : `${scope.keys.length} rows`;
  }
}
