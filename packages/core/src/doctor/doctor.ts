import { SpillwayError, textOf } from '../errors.js';
import { SHARDS_OF_NEW_NAMESPACES } from '../change/row-key.js';
import type { ResolvedOptions } from '../options.js';
import { claimTierOf } from '../runtime/claim-tier.js';
import { stagedTables } from '../runtime/known-entities.js';
import type { Lifecycle } from '../runtime/lifecycle.js';
import { openStaging } from '../runtime/open-staging.js';
import type { Sinks } from '../runtime/sinks.js';
import type { RuntimeSurroundings } from '../runtime/surroundings.js';
import type { ChangeSink, PreparedSink } from '../sink/change-sink.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { StagingStore } from '../staging/staging-store.js';
import { examineDatabase, unreachable } from './database-findings.js';
import { type DoctorCheck, type Finding, ok, problem, warning } from './finding.js';
import { examinePolicies } from './policy-findings.js';
import { examineRedis } from './redis-servers.js';
import { examineStaging } from './staging-findings.js';

interface DoctorDeps {
  readonly around: RuntimeSurroundings;
  readonly sinks: Sinks;
  readonly life: Pick<Lifecycle, 'opened'>;
}

/** Connections that a sink has besides those of concurrent flushes. */
const FOR_QUESTIONS = 2;

/**
 * Looks at everything that Spillway stands on, from the bottom up: each server by itself, then what they know of each
 * other. It starts nothing and changes nothing. What it cannot reach is a finding, and the questions that need it are
 * left out.
 */
export class Doctor {
  readonly #deps: DoctorDeps;

  constructor(deps: DoctorDeps) {
    this.#deps = deps;
  }

  async examine(): Promise<readonly Finding[]> {
    const { around } = this.#deps;
    const { options, types } = around;
    const [database, redis] = await Promise.all([this.#database(), this.#redis()]);
    const alone = [...database.findings, ...redis];
    if (!database.isThere) return alone;
    const sink = this.#deps.sinks.open();
    try {
      const tables = await tablesFound(sink, options);
      if (tables.prepared === undefined) return [...alone, tables.finding];
      const policies = await examinePolicies(types, sink);
      const isRedisFit = !redis.some(({ level, check }) => level === 'problem' && !STILL_OPENS.has(check));
      const staging = isRedisFit ? await this.#staging(sink, tables.prepared) : [];
      return [...alone, tables.finding, ...policies, ...staging];
    } catch (error) {
      return [...alone, failed(error)];
    } finally {
      await this.#deps.sinks.close(sink);
    }
  }

  async #database(): ReturnType<typeof examineDatabase> {
    const { around, sinks } = this.#deps;
    const { options, types, database } = around;
    try {
      const examination = sinks.examination();
      try {
        return await examineDatabase(examination, {
          tables: stagedTables(types),
          workerConnections: (options.worker?.concurrency ?? 1) + FOR_QUESTIONS,
          hasHooks: Object.values(database().hooks ?? {}).some((hook) => hook !== undefined),
        });
      } finally {
        await examination.close();
      }
    } catch (error) {
      return { findings: [unreachable(error)], isThere: false };
    }
  }

  async #redis(): Promise<readonly Finding[]> {
    const { options } = this.#deps.around;
    try {
      return await examineRedis(options, options.shards ?? SHARDS_OF_NEW_NAMESPACES);
    } catch (error) {
      return [failed(error, 'redis')];
    }
  }

  async #staging(sink: ChangeSink, prepared: PreparedSink): Promise<readonly Finding[]> {
    const { around, life } = this.#deps;
    const { options, types } = around;
    const opened = await life.opened?.catch(() => undefined);
    const warnings: string[] = [];
    let own: StagingStore | undefined;
    try {
      const staging = opened?.staging ?? (own = await this.#open(prepared, warnings));
      const entities = types.all.map(({ meta, policy }) => ({ name: meta.className, policy }));
      const pollMs = options.worker?.pollIntervalMs ?? 0;
      return [
        ok('shard-map', `Redis and PostgreSQL have the same ${staging.shards} shards.`),
        ...warnings.map((message) => warning('durability', message, 'See what docs/guarantees.md says of durability.')),
        ...(await examineStaging({ staging, sink, entities, pollMs })),
      ];
    } catch (error) {
      return [failed(error, 'redis')];
    } finally {
      if (own !== undefined && options.staging.kind !== 'store') await own.close();
    }
  }

  /** Persistence has been looked at, so a server without it is opened too. */
  async #open(prepared: PreparedSink, warnings: string[]): Promise<StagingStore> {
    const { options, types } = this.#deps.around;
    const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
    const tolerant = { ...options, acceptVolatile: true };
    return openStaging(tolerant, prepared, claimTierOf(types), logger, new AbortController().signal);
  }
}

/** Problems of a server that do not keep a store from being opened there. */
const STILL_OPENS: ReadonlySet<DoctorCheck> = new Set(['redis-persistence', 'redis-eviction', 'redis-memory']);

async function tablesFound(
  sink: ChangeSink,
  { shards, namespace, tables }: ResolvedOptions,
): Promise<{ readonly finding: Finding; readonly prepared?: PreparedSink }> {
  try {
    const prepared = await sink.prepare(shards, false);
    const message = `Spillway's tables have the namespace "${namespace}" with ${prepared.shards} shards.`;
    return { finding: ok('postgres-tables', message), prepared };
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code === 'SHARD_MAP_MISMATCH') return { finding: failed(error) };
    // Where it is made at the first use, and nothing was used yet, nothing is wrong.
    const message = textOf(error);
    if (tables.ensure && !(await sink.isPrepared(false)))
      return { finding: warning('postgres-tables', message, 'The first use makes the tables (tables.ensure).') };
    const remedy = 'Run "spillway migrate", or give the role the rights of SECURITY.md on Spillway\'s tables.';
    return { finding: problem('postgres-tables', message, remedy) };
  }
}

/** What a failed question means. */
function failed(error: unknown, check: DoctorCheck = 'postgres'): Finding {
  if (error instanceof SinkFailure) return unreachable(error);
  const message = textOf(error);
  if (error instanceof SpillwayError && error.code === 'SHARD_MAP_MISMATCH')
    return problem(
      'shard-map',
      message,
      'Give all processes the same servers and the same "shards", or run "spillway reshard".',
    );
  return problem(check, message, 'See what the message says; the log of the server may say more.');
}
