import type { EntityMetadata, EntityName } from '@mikro-orm/core';
import { believeAgain, cachedHere, disbelieve } from '../cache/cache.js';
import { tableOf, tableText, type TableName } from '../change/row-key.js';
import { SpillwayError, textOf } from '../errors.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { tableScope, withOthers } from '../mikro-orm/describe/with-others.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { EngineLeaving } from '../mikro-orm/engine.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { StagingStats } from '../staging/staging-store.js';
import { LOOK_AT_ENTITIES, type Lifecycle } from './lifecycle.js';
import { NO_RELEASES, releasesIn, stagedHere, type Releases } from './parts.js';
import type { RuntimeSurroundings } from './surroundings.js';

/** While entities are being left, it is tried again so long after the last time, milliseconds. */
const TRY_EVERY_MS = 1_000;
/** How long one drain of an attempt may take, milliseconds. */
const DRAIN_MS = 1_000;

interface LeavingDeps {
  readonly around: Pick<RuntimeSurroundings, 'options' | 'types' | 'logger'>;
  readonly life: Pick<Lifecycle, 'opened' | 'openAndWork' | 'askPrepared' | 'refuseInside'>;
}

/**
 * Entities that this process writes by SQL and another release stages, or did: they are drained, then left. From then
 * on no process stages them until `rejoin()`, and this one writes them as plain MikroORM does. Until then a type with a
 * policy counts as written behind (`TypeRegistry.leaving`), and an entity without one is refused: of its columns and
 * counters this process knows too little.
 */
export class Leaving implements EngineLeaving {
  readonly #deps: LeavingDeps;
  #asking: Promise<Releases['staged']> | undefined;
  /** The question whose answer stands. */
  #asked: Promise<Releases['staged']> | undefined;
  #nextTryMs = 0;
  #hasSaid = false;

  constructor(deps: LeavingDeps) {
    this.#deps = deps;
  }

  before(metas: readonly EntityMetadata[]): Promise<void> | undefined {
    return this.#asked && this.#deps.around.types.leaving.size === 0 ? undefined : this.#before(metas);
  }

  again(): void {
    this.#asking = undefined;
    this.#asked = undefined;
  }

  async #before(metas: readonly EntityMetadata[]): Promise<void> {
    while (!this.#asked) await this.#ask();
    if (performance.now() >= this.#nextTryMs) this.#tryOwn().catch(() => undefined);
    for (const meta of metas) {
      const strangers = this.#deps.around.types.strangersOf(meta);
      if (strangers.length === 0 || (await this.#leave(strangers)).length === strangers.length) continue;
      const { staging } = await this.#deps.life.openAndWork();
      throw refusal(meta, reasonIn(await staging.stats(), strangers));
    }
  }

  /** Asks once for all callers. An answer from before `again()` is dropped. */
  async #ask(): Promise<void> {
    const { types } = this.#deps.around;
    const asking = (this.#asking ??= this.#staged());
    try {
      const staged = await asking;
      if (asking !== this.#asking) return;
      const others = [...staged].filter(([, table]) => types.ofTable(table)?.policy.mode !== 'behind');
      types.leaving = namesByTable(others);
      this.#asked = asking;
    } finally {
      if (asking === this.#asking) this.#asking = undefined;
    }
    await this.#tryOwn();
  }

  /** What releases stage. No process believes copies any more of what they cache and this one does not. */
  async #staged(): Promise<Releases['staged']> {
    const { around, life } = this.#deps;
    const parts = await life.opened;
    // Once everything is open, staging does without the database: the answer from the opening is then enough.
    const { staged, copied } = await life.askPrepared(releasesIn, NO_RELEASES).catch((error: unknown) => {
      if (parts && error instanceof SpillwayError && error.code === 'DATABASE_UNAVAILABLE') return parts.atFirst;
      throw error;
    });
    const uncached = copied.filter((table) => !around.types.ofTable(table)?.policy.cache);
    if (uncached.length > 0) await life.askPrepared(async (sink) => disbelieve(uncached, sink.copies), undefined);
    return staged;
  }

  /** True if this process has nothing to do with staging any more. */
  async isOver(): Promise<boolean> {
    const { around, life } = this.#deps;
    if (around.options.enabled) return false;
    return (await life.askPrepared(async (sink) => sink.registry.list(), NO_RELEASES.staged)).size === 0;
  }

  /** Drains the entities with a policy, then leaves them. Never rejects: what is not left yet goes on as before. */
  async #tryOwn(): Promise<void> {
    const { types, logger } = this.#deps.around;
    this.#nextTryMs = performance.now() + TRY_EVERY_MS;
    const namesOf = (type: WriteBehindType): readonly string[] => types.leaving.get(tableText(tableOf(type))) ?? [];
    const own = types.inAnyMode.filter((type) => type.policy.mode === 'through' && namesOf(type).length > 0);
    const names = own.flatMap(namesOf);
    if (names.length === 0) return;
    this.#nextTryMs = Number.POSITIVE_INFINITY;
    try {
      if ((await this.#leave(names)).length < names.length) {
        await this.#drain(own);
        await this.#leave(own.flatMap(namesOf));
      }
      this.#hasSaid = false;
    } catch (error) {
      const what = `${names.join(', ')} cannot be left yet, and it is tried again every second`;
      if (!this.#hasSaid) logger.warn(`Spillway: ${what}: ${textOf(error)}`);
      this.#hasSaid = true;
    }
    this.#nextTryMs = performance.now() + TRY_EVERY_MS;
  }

  /** Other types are drained only if something of these has to wait, for theirs perhaps. */
  async #drain(own: readonly WriteBehindType[]): Promise<void> {
    const { types } = this.#deps.around;
    const { worker } = await this.#deps.life.openAndWork();
    const scope = tableScope(own, types);
    const { left } = await worker.drain(scope, { timeoutMs: DRAIN_MS });
    if (left > 0) await worker.drain(withOthers(scope, types), { timeoutMs: DRAIN_MS });
  }

  /** @returns those that are left */
  async #leave(entities: readonly string[]): Promise<readonly string[]> {
    const { around, life } = this.#deps;
    const { types, options } = around;
    const asked = this.#asked;
    const { staging, sink, worker } = await life.openAndWork();
    const left = await staging.policies.leave(entities, options.leaveAfterMs);
    if (left.length === 0) return left;
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.remove(left));
    // Unless it was asked anew meanwhile, perhaps of another database.
    if (asked === this.#asked) types.leaving = without(left, types.leaving);
    if (await this.isOver()) await worker.stop({ drain: false });
    return left;
  }

  /**
   * Lets a left entity be staged, and its copies be believed, again: one, or all that this process stages or caches.
   * @throws SpillwayError `ONE_CONNECTION` in a transaction that has the only connection
   */
  async rejoin(named: EntityName | undefined): Promise<void> {
    const { around, life } = this.#deps;
    life.refuseInside('rejoin() is told to everybody');
    const types = named ? [around.types.namedOrRefused(named)] : around.types.inAnyMode;
    const { staging, sink } = await life.openAndWork();
    const staged = stagedHere(types);
    await databaseFor(LOOK_AT_ENTITIES, sink.registry.add(staged));
    await staging.policies.rejoin([...staged.keys()]);
    await databaseFor(LOOK_AT_ENTITIES, believeAgain(cachedHere(types), sink.copies, staging.cache));
  }
}

type NamesByTable = TypeRegistry['leaving'];

function namesByTable(entities: readonly (readonly [string, TableName])[]): NamesByTable {
  const byTable = Map.groupBy(entities, ([, table]) => tableText(table));
  return new Map([...byTable].map(([table, ofTable]) => [table, ofTable.map(([entity]) => entity)]));
}

/** A table is left under its last name. */
function without(left: readonly string[], leaving: NamesByTable): NamesByTable {
  const rest = [...leaving].map(([table, names]) => [table, names.filter((name) => !left.includes(name))] as const);
  return new Map(rest.filter(([, names]) => names.length > 0));
}

/** Why entities are not left. Of transactions that have not ended, the store does not say which entities they hold. */
function reasonIn({ pending, held }: StagingStats, entities: readonly string[]): string {
  if (entities.some((entity) => pending[entity])) return 'changes of it are pending';
  const isRecent = 'another process has staged it a moment ago';
  return held > 0 ? `a transaction that has not ended may hold changes of it, or ${isRecent}` : isRecent;
}

function refusal({ className }: EntityMetadata, why: string): SpillwayError {
  return new SpillwayError(
    'POLICY_MISMATCH',
    `${className} has no policy in this process, which would write and read it past what is staged: ${why}. Nothing was done. ` +
      `Put @WriteThrough() on ${className} instead of removing its decorator, until no process stages it any more; or end those that do, and let a worker of their release write what is pending`,
  );
}
