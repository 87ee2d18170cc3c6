import { AsyncLocalStorage } from 'node:async_hooks';
import type { AnyEntity, ChangeSet, EntityManager, EntityMetadata } from '@mikro-orm/core';
import { incompatible } from '../contract/assert-orm.js';
import { isDirect, isDrained, stagedCall } from '../change/staging-unit.js';
import type { TypeRegistry } from '../describe/type-registry.js';

type HookedCall = 'discovery' | 'entity manager' | 'commit' | 'clear';

/**
 * The change sets that the persister is writing. It has an end, because work that begins meanwhile (a pool, a worker)
 * inherits it, and goes on.
 */
interface Persisting {
  readonly changeSets: readonly ChangeSet<AnyEntity>[];
  isRunning: boolean;
}

/**
 * Notices that all hooks are there and MikroORM no longer calls one of them, which no look at methods can show.
 * Write-behind entities would then silently be written by SQL past pending changes, or be read without them.
 */
export class ContractWatch {
  readonly #types: TypeRegistry;
  readonly #asked = new Set<HookedCall>();
  readonly #persisting = new AsyncLocalStorage<Persisting>();

  constructor(types: TypeRegistry) {
    this.#types = types;
  }

  /** MikroORM has called a hook. */
  asked(call: HookedCall): void {
    this.#asked.add(call);
  }

  assertDiscovered(): void {
    if (!this.#asked.has('discovery')) throw incompatible('its discovery does not call discovery.afterDiscovered');
  }

  /** Asserts that the first entity manager and its forks are of the hooked class, and call the hooks. */
  assertHooked(em: EntityManager, Hooked: new (...parameters: never[]) => EntityManager): void {
    if (!(em instanceof Hooked))
      throw incompatible('it does not make entity managers by the class in its configuration (entityManager)');
    const fork = em.fork({ disableContextResolution: true });
    if (!(fork instanceof Hooked)) throw incompatible('em.fork() makes entity managers of another class');
    fork.clear();
    if (!this.#asked.has('clear')) throw incompatible('em.clear() does not ask the unit of work');
    this.asked('entity manager');
  }

  /** Call before a flush of write-behind entities is staged or written. */
  assertCommitted(): void {
    if (!this.#asked.has('commit')) throw incompatible('em.flush() does not ask the unit of work to commit()');
  }

  /** Change sets are about to be written by SQL, and neither the flush nor the application has opened a transaction. */
  assertNoneWithoutTransaction(changeSets: readonly ChangeSet<AnyEntity>[]): void {
    if (changeSets.some(({ meta }) => this.#types.of(meta)))
      throw incompatible("a flush does not ask its entity manager for getConnection('write').transactional()");
  }

  /** Change sets are about to be written by SQL, past the method of the unit of work that writes them all. */
  assertNonePastPersist(changeSets: readonly ChangeSet<AnyEntity>[]): void {
    if (changeSets.some(({ meta }) => this.#types.of(meta)))
      throw incompatible('a flush does not ask its unit of work to persistToDatabase()');
  }

  /** Runs a method of the persister: its calls of the driver have to carry the tag that the method was given. */
  async persisting<T>(changeSets: readonly ChangeSet<AnyEntity>[], write: () => Promise<T>): Promise<T> {
    const scope: Persisting = { changeSets, isRunning: true };
    try {
      return await this.#persisting.run(scope, write);
    } finally {
      scope.isRunning = false;
    }
  }

  /** The driver is asked about a type. */
  assertCall(meta: EntityMetadata, options: unknown): void {
    if (!this.#types.of(meta)) return;
    if (!this.#asked.has('entity manager'))
      throw incompatible('it makes entity managers without its driver (createEntityManager)');
    const scope = this.#persisting.getStore();
    if (!scope?.isRunning || stagedCall(options) || isDrained(options) || isDirect(options)) return;
    if (scope.changeSets.some((changeSet) => changeSet.meta.root.class === meta.root.class))
      throw incompatible('options that its change set persister is given do not reach the driver');
  }
}
