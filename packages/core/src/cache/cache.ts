import type { AnyEntity, ChangeSet, Collection, EntityMetadata } from '@mikro-orm/core';
import type { OperationKind } from '../mikro-orm/change/staging-unit.js';
import type { DriverOptions, Row } from '../mikro-orm/contract/methods.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { EngineCache, LoadRows, RowStatement } from '../mikro-orm/engine.js';
import type { CacheDoubts } from '../sink/cache-doubts.js';
import type { StagingStore } from '../staging/staging-store.js';
import { CacheAccess } from './access.js';
import { CacheLine } from './line.js';
import { CachedLookUps } from './look-ups.js';
import { CacheMarks, type MarkedOrm } from './marks.js';
import { CacheTrust } from './trust.js';

export type { MarkedOrm } from './marks.js';
export { announceCopies, believeAgain, cachedHere, disbelieve } from './releases.js';

type ChangeSets = readonly ChangeSet<AnyEntity>[];
type Collections = readonly Collection<object>[];
type Sent<T> = (options: DriverOptions) => Promise<T>;

interface CacheDeps {
  readonly types: TypeRegistry;
  readonly orm: MarkedOrm;
  /** Opens the staging store, or answers the open one. */
  readonly open: () => Promise<Pick<StagingStore, 'cache' | 'due'>>;
  /** Called at the first use of each life. */
  readonly openDoubts: () => CacheDoubts;
}

/**
 * The cache of one ORM, and the door of its room: no other room imports another file of it, so whoever follows a flush
 * or a look-up meets the cache here or nowhere. Where no entity is cached, none of them does. What releases tell each
 * other about copies (`releases.ts`) is asked there too: when parts are opened, and before the first read or write.
 */
export class Cache implements EngineCache {
  readonly #deps: CacheDeps;
  readonly #lookUps: CachedLookUps;
  readonly #marks: CacheMarks;
  #access: CacheAccess | undefined;

  constructor(deps: CacheDeps) {
    const access = (): CacheAccess => (this.#access ??= this.#open());
    this.#deps = deps;
    this.#lookUps = new CachedLookUps(deps.types, access);
    this.#marks = new CacheMarks(deps.types, access, deps.orm);
  }

  async find(meta: EntityMetadata, where: unknown, options: DriverOptions, load: LoadRows): Promise<Row[] | undefined> {
    return this.#lookUps.find(meta, where, options, load);
  }

  async beforeChangeSets(
    kind: OperationKind,
    changeSets: ChangeSets,
    options: DriverOptions | undefined,
  ): Promise<void> {
    await this.#marks.beforeChangeSets(kind, changeSets, options);
  }

  async around<T>(statement: RowStatement, options: DriverOptions, run: Sent<T>): Promise<T> {
    return this.#marks.around(statement, options, run);
  }

  async aroundCollections<T>(changed: Collections, options: DriverOptions, run: Sent<T>): Promise<T> {
    return this.#marks.aroundCollections(changed, options, run);
  }

  async clear(): Promise<void> {
    await (this.#access ??= this.#open()).clear();
  }

  /** Ends its life: what is answered is closed with everything else, and the next use opens it anew. */
  forget(): Pick<CacheAccess, 'close' | 'cutOff'> | undefined {
    const access = this.#access;
    this.#access = undefined;
    return access;
  }

  #open(): CacheAccess {
    const { open, openDoubts } = this.#deps;
    const doubts = openDoubts();
    const line = new CacheLine({
      open: async () => (await open()).cache,
      probe: async () => (await open()).due.next(),
    });
    const trust = new CacheTrust({ doubts, forgetCopies: async () => (await open()).cache.clear() });
    return new CacheAccess(line, trust, doubts);
  }
}
