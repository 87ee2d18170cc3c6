import { setTimeout as pause } from 'node:timers/promises';
import type { ForcedDrains, SpillwayStatus, WriteWays } from '../observability/status.js';
import {
  type Health,
  judgeHealth,
  unknownHealth,
  type ServerTrouble,
  type Trouble,
  databaseProblem,
  type StagingState,
} from '../observability/health.js';
import type { LossWatch } from '../observability/loss-watch.js';
import type { TroubleWatch } from '../observability/trouble-watch.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { DeadLetterStore } from '../staging/dead-letter-store.js';
import type { StagingStats, UnwellServer } from '../staging/staging-store.js';
import type { Parts } from './parts.js';
import { namesOf, type Pausing } from './pausing.js';
import { isAnyPaused, NONE_PAUSED } from '../sink/paused-entities.js';
import { SpillwayError, textOf, type SpillwayErrorCode } from '../errors.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { within } from '../flush/within.js';
import { printable } from '../printable.js';
import type { TablePause } from '../sink/change-sink.js';
import { SinkDown, type DatabaseState } from '../sink/sink-failure.js';

/**
 * A record whose pause has just ended is old and due for a moment, so a look that finds overdue records is repeated.
 */
const LOOK_AGAIN_MS = 100;

const NOTHING: StagingStats = {
  pending: {},
  held: 0,
  inFlight: 0,
  dead: 0,
  deadDropped: 0,
  staged: 0,
  coalesced: 0,
  annihilated: 0,
};

interface InsightDeps {
  readonly types: TypeRegistry;
  readonly forced: ForcedDrains;
  readonly ways: WriteWays;
  readonly trouble: TroubleWatch;
  readonly losses: LossWatch;
  readonly pausing: Pausing;
  readonly open: () => Promise<Parts>;
  /** True if this process has nothing to do with staging any more. */
  readonly isOver: () => Promise<boolean>;
}

/** The service's answers about its engine: counts, health, dead letters. */
export class Insight {
  readonly #deps: InsightDeps;

  constructor(deps: InsightDeps) {
    this.#deps = deps;
  }

  async status(): Promise<SpillwayStatus> {
    const { forced, ways } = this.#deps;
    return { ...(await this.#shared()), forcedDrains: forced.byCaller, writes: ways.byEntity };
  }

  /** What all processes share. */
  async #shared(): Promise<StagingStats & Pick<SpillwayStatus, 'paused'>> {
    const { isOver, open, pausing } = this.#deps;
    if (await isOver()) return { ...NOTHING, paused: namesOf(NONE_PAUSED) };
    const parts = await open();
    const [counts, paused] = await Promise.all([parts.staging.stats(), pausing.list(parts)]);
    return { ...counts, paused: namesOf(paused) };
  }

  /** Never rejects: a question that fails is an answer too. */
  async health(): Promise<Health> {
    const { isOver, open, types, trouble, losses, pausing } = this.#deps;
    try {
      if (await isOver()) return { status: 'up', states: [], problems: [] };
      const parts = await open();
      const look = async (): Promise<Health> => lookAtHealth(parts, types, trouble, losses.recent);
      const health = await look();
      const last = health.states.includes('overdue') ? await pause(LOOK_AGAIN_MS).then(look) : health;
      const paused = await pausing.list(parts).catch(() => undefined);
      return { ...last, ...(paused && isAnyPaused(paused) && { paused: namesOf(paused) }) };
    } catch (error) {
      return healthOfFailure(error);
    }
  }

  async deadLetters(): Promise<DeadLetterStore> {
    return (await this.#deps.open()).staging.deadLetters;
  }
}

/** How much longer than its policy says a change may wait before health is down. */
const OVERDUE_MS = 30_000;

/** A caller that asks for health has a time-out too, often of a few seconds. */
const CHECK_MS = 2_000;

/**
 * Asks PostgreSQL and the staging store, and adds the failures that flushes of this process have met. A process without
 * a worker meets none by itself.
 */
async function lookAtHealth(
  { staging, sink, worker }: Pick<Parts, 'staging' | 'sink' | 'worker'>,
  types: TypeRegistry,
  watch: TroubleWatch,
  losses: readonly string[],
): Promise<Health> {
  const [stats, next, refused, database] = await Promise.all([
    staging.stats(),
    staging.due.next(),
    staging.probe().then(partlyUnwell, whollyUnwell),
    whyNot(within(sink.check(), CHECK_MS, monotonicScheduler, () => new SinkDown('No answer', 'unreachable'))),
  ]);
  const longestMs = types.all.reduce((longest, { policy }) => Math.max(longest, policy.maxDelayMs), 0);
  return judgeHealth({
    stats,
    isDue: next.includes(0),
    shards: staging.shards,
    trouble: {
      database: watch.database(databaseState(database)),
      ...saidBy(database),
      staging: stagingState(refused.error),
      servers: refused.servers,
      silentShards: watch.silentShards,
      full: fullIn(stats, types),
      tables: sink.paused.map(sentenceOfTable),
      losses,
      configuration: [...new Set(worker.blockedBy.map(sentenceOfConfiguration))],
    },
    overdueMs: longestMs + OVERDUE_MS,
  });
}

const FOR_A_PERSON: ReadonlySet<SpillwayErrorCode> = new Set([
  'CONFIG_INVALID',
  'ENTITY_UNSUPPORTED',
  'ORM_INCOMPATIBLE',
  'POLICY_MISMATCH',
  'REDIS_VOLATILE',
  'SHARD_MAP_MISMATCH',
]);

/** Health where the question failed. */
function healthOfFailure(error: unknown): Health {
  const database = error instanceof SpillwayError ? databaseState(error.cause) : undefined;
  if (database !== undefined) {
    const { databaseSaid } = saidBy((error as SpillwayError).cause);
    return unknownHealth(databaseProblem(database, databaseSaid), `database-${database}`);
  }
  if (error instanceof SpillwayError && FOR_A_PERSON.has(error.code)) return unknownHealth(error, 'configuration');
  const staging = stagingState(error);
  return staging === undefined ? unknownHealth(error) : unknownHealth(error, `staging-${staging}`);
}

/** Why the staging store takes no changes: as a whole, or on some of its servers. */
interface Unwell {
  readonly error?: unknown;
  readonly servers: readonly ServerTrouble[];
}

function partlyUnwell(servers: readonly UnwellServer[]): Unwell {
  return {
    servers: servers.map(({ shards, error }) => ({ state: stagingState(error), shards, said: textOf(error) })),
  };
}

function whollyUnwell(error: unknown): Unwell {
  return { error: error ?? new Error('Rejected'), servers: [] };
}

async function whyNot(answer: Promise<void>): Promise<unknown> {
  return answer.then(
    () => undefined,
    (error: unknown) => error ?? new Error('Rejected'),
  );
}

function databaseState(error: unknown): DatabaseState | undefined {
  return error instanceof SinkDown ? error.state : undefined;
}

/** Where the connection is refused, only PostgreSQL's own words say what is refused: a database, a role, a host. */
function saidBy(error: unknown): Pick<Trouble, 'databaseSaid'> {
  return error instanceof SinkDown && error.state === 'refusing' ? { databaseSaid: error.message } : {};
}

function stagingState(error: unknown): StagingState | undefined {
  if (!(error instanceof SpillwayError)) return undefined;
  if (error.code === 'STAGING_FULL') return 'full';
  if (error.code === 'STAGING_TIMEOUT') return 'silent';
  if (error.code !== 'STAGING_UNAVAILABLE') return undefined;
  // A server that answers that it takes no commands is reachable.
  return error.cause instanceof Error && error.cause.name === 'ReplyError' ? 'refusing' : 'silent';
}

function fullIn({ pending }: StagingStats, types: TypeRegistry): readonly string[] {
  return types.all
    .filter(({ meta, policy }) => (pending[meta.className] ?? 0) >= policy.maxPending)
    .map(({ meta }) => meta.className);
}

function sentenceOfTable({ table, reason, isOfRows }: TablePause): string {
  const what =
    isOfRows === true ? `Changes of table ${table} wait` : `Table ${table} cannot be written, its changes wait`;
  return printable(`${what}: ${reason}`);
}

function sentenceOfConfiguration(error: unknown): string {
  return `Nothing is written until the configuration is right: ${textOf(error)}`;
}
