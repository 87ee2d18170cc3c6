import type { EntityMetadata } from '@mikro-orm/core';
import { tableText, type TableName } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { EngineReleases } from '../engine.js';

/** While entities are being left, it is tried again this long after the last time, milliseconds. */
const TRY_EVERY_MS = 1_000;

/**
 * Entities that this process writes by SQL, and of which something may be pending, since another release stages them or
 * did: with `enabled: false`, with `@WriteThrough`, or without a policy. The first two are read and written with a look
 * at what is pending until they have been left; nobody stages them then, and staging is not asked any more. Of the last
 * ones this process knows too little to do so: they are refused until they have been left.
 *
 * Copies of rows that another release keeps of an entity, which this process would write without telling the cache, are
 * believed by nobody any more.
 *
 * Which entities these are is asked of the database, once, before the first read or write. Where nothing was ever
 * staged nothing else is asked. An ORM that is opened again asks again.
 */
export class Leaving {
  readonly #types: TypeRegistry;
  readonly #releases: EngineReleases;
  readonly #defaultSchema: string;
  readonly #leaving = new Map<string, WriteBehindType>();
  /** Table -> entity of another release. */
  readonly #strangers = new Map<string, string>();
  #asking: Promise<void> | undefined;
  #trying: Promise<void> | undefined;
  #isAsked = false;
  #life = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(types: TypeRegistry, releases: EngineReleases, defaultSchema: string) {
    this.#types = types;
    this.#releases = releases;
    this.#defaultSchema = defaultSchema;
  }

  /** The ORM connects again: other releases may have run meanwhile, or it is another database. */
  forget(): void {
    this.#life += 1;
    this.#isAsked = false;
    this.#asking = undefined;
    this.#types.end([...this.#leaving.values()]);
    this.#leaving.clear();
    this.#strangers.clear();
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Before entities are read or written. Nothing to wait for where nothing is being left.
   * @throws SpillwayError `POLICY_MISMATCH` for an entity without a policy that others stage
   */
  before(metas: readonly EntityMetadata[]): Promise<void> | undefined {
    if (this.#isAsked && this.#leaving.size === 0 && this.#strangers.size === 0) return undefined;
    return this.#before(metas);
  }

  /**
   * The ORM has come to know other entities: it is asked of them too. An answer that is on its way is of the old ones.
   */
  again(): void {
    this.#life += 1;
    this.#isAsked = false;
    this.#asking = undefined;
  }

  async #before(metas: readonly EntityMetadata[]): Promise<void> {
    while (!this.#isAsked) await this.#askOnce();
    // What is being left is right in the meantime; nobody waits for the end of it.
    if (performance.now() - this.#lastMs >= TRY_EVERY_MS) this.#tryAgain().catch(() => undefined);
    for (const meta of metas) await this.#refuseStranger(meta);
  }

  async #askOnce(): Promise<void> {
    const life = this.#life;
    this.#asking ??= this.#ask().finally(() => {
      if (life === this.#life) this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const life = this.#life;
    const through = this.#types.inAnyMode.filter(({ policy }) => policy.mode === 'through');
    const { staged, copied } = await this.#releases.releases();
    const unknown = copied.filter((table) => !this.#types.ofTable(table)?.policy.cache);
    if (unknown.length > 0) await this.#releases.disbelieve(unknown);
    if (life !== this.#life) return;
    for (const [entity, table] of staged) {
      const type = this.#types.ofTable(table);
      if (!type) this.#strangers.set(tableText(table), entity);
      else if (through.includes(type)) this.#leaving.set(entity, type);
    }
    this.#types.begin([...this.#leaving.values()]);
    this.#isAsked = true;
    if (this.#leaving.size > 0) await this.#tryAgain();
  }

  async #tryAgain(): Promise<void> {
    this.#trying ??= this.#try([...this.#leaving.keys()]).finally(() => (this.#trying = undefined));
    return this.#trying;
  }

  async #try(entities: readonly string[]): Promise<void> {
    this.#lastMs = performance.now();
    if (entities.length === 0) return;
    for (const [entity, state] of await this.#releases.leave(entities)) {
      const type = this.#leaving.get(entity);
      if (state !== 'left' || !type) continue;
      this.#leaving.delete(entity);
      this.#types.end([type]);
    }
  }

  async #refuseStranger(meta: EntityMetadata): Promise<void> {
    const table: TableName = { schema: meta.schema ?? this.#defaultSchema, table: meta.tableName };
    const key = tableText(table);
    const entity = this.#strangers.get(key);
    if (entity === undefined || this.#types.ofTable(table)) return;
    const state = (await this.#releases.leave([entity])).get(entity);
    if (state === 'left') {
      this.#strangers.delete(key);
      return;
    }
    const why = state === 'pending' ? 'changes of it are pending' : 'another process has staged it a moment ago';
    throw new SpillwayError(
      'POLICY_MISMATCH',
      `${meta.className} has no policy in this process, which would write and read it past what is staged: ${why}. Nothing was done. ` +
        `Put @WriteThrough() on ${meta.className} instead of removing its decorator, until no process stages it any more; or end those that do, and let a worker of their release write what is pending`,
    );
  }
}
