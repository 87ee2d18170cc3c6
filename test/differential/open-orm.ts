import { MikroORM as PgliteOrm } from '@mikro-orm/pglite';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { Spillway, spillway, SpillwayRepository } from '@spillway/core';
import { makeSchemas, type Modes, type Schemas } from './entities.js';
import { FlushWatch } from './licence.js';

/** How what is staged is written: at once, after a while, or only where somebody has to wait for it. */
export type Pace = 'eager' | 'lazy' | 'none';

export const PACES: readonly Pace[] = ['eager', 'lazy', 'none'];

/** A database of each world's own: on a server, for any process; or PGlite, for this one. */
export type Host = 'server' | 'pglite';

/** Where the two worlds of one lane are. */
export interface LaneSettings {
  readonly host: Host;
  readonly plainUrl: string;
  readonly behindUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly pace: Pace;
}

const WORKERS = {
  eager: { worker: { pollInterval: '5ms' }, defaults: { debounce: 0, maxDelay: '2ms' } },
  lazy: { worker: { pollInterval: '20ms' }, defaults: { debounce: '15ms', maxDelay: '60ms' } },
  none: { worker: false, defaults: {} },
} as const;

/**
 * Every lane has its own modes of entities, so that each of them meets every pace that matters to it: copies a worker
 * that is late, SQL rows that only a reader has written. Where nobody but a reader writes, MikroORM does not join
 * references for their filters either: a read that does not wait for what a filter reaches is always seen there.
 */
export const LANES: Readonly<Record<Pace, Modes & { readonly autoJoinRefsForFilters: boolean }>> = {
  eager: { cached: [], through: [], autoJoinRefsForFilters: true },
  lazy: { cached: ['Pet', 'Page', 'Enrolment'], through: [], autoJoinRefsForFilters: true },
  none: { cached: ['Club', 'Course'], through: ['Course', 'Passport'], autoJoinRefsForFilters: false },
};

export interface OpenedOrm {
  readonly orm: MikroORM;
  readonly schemas: Schemas;
  readonly watch: FlushWatch;
  /** Whether what is staged is written while a program waits for it. */
  readonly hasWorker: boolean;
}

export async function openPlain({ host, plainUrl, pace }: LaneSettings): Promise<OpenedOrm> {
  const watch = new FlushWatch(true);
  const schemas = makeSchemas();
  const orm = await open(host, plainUrl, {
    entities: Object.values(schemas),
    subscribers: [watch],
    autoJoinRefsForFilters: LANES[pace].autoJoinRefsForFilters,
  });
  return { orm, schemas, watch, hasWorker: false };
}

export async function openBehind({ host, behindUrl, redisUrl, namespace, pace }: LaneSettings): Promise<OpenedOrm> {
  const watch = new FlushWatch(false);
  const schemas = makeSchemas(LANES[pace]);
  const orm = await open(host, behindUrl, {
    entityRepository: SpillwayRepository,
    autoJoinRefsForFilters: LANES[pace].autoJoinRefsForFilters,
    entities: Object.values(schemas),
    subscribers: [watch],
    extensions: [
      spillway({
        redis: redisUrl,
        namespace,
        shards: 8,
        tables: { ensure: true },
        ...WORKERS[pace],
        defaults: { ...WORKERS[pace].defaults, drainTimeout: '1m' },
      }),
    ],
  });
  Spillway.of(orm).on('lagging', () => watch.lag());
  return { orm, schemas, watch, hasWorker: pace !== 'none' };
}

async function open(host: Host, url: string, options: Options): Promise<MikroORM> {
  if (host === 'server') return MikroORM.init({ ...options, clientUrl: url });
  // What is asked of it here it answers alike.
  return (await PgliteOrm.init(options as object)) as unknown as MikroORM;
}
