import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { stagingRules } from '../mikro-orm/describe/staging-rules.js';
import type { ChangeSink } from '../sink/change-sink.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { RulesByEntity } from '../staging/entity-rules.js';
import { LOOK_AT_TABLES } from './sinks.js';

interface KnownEntitiesDeps {
  readonly types: TypeRegistry;
  readonly sink: ChangeSink;
  readonly shards: number;
  /** Tells the database which entities this process stages and caches. */
  readonly announce: () => Promise<void>;
}

/**
 * The entities that the open parts know: those that the ORM knew at the opening. `orm.discoverEntity()` may add some
 * later: the next use looks at their tables, and tells the database.
 */
export class KnownEntities {
  readonly #deps: KnownEntitiesDeps;
  #edition: number;
  #rules: RulesByEntity;
  #keepingUp: Promise<void> | undefined;

  /** @param edition of the entities when the opening began */
  constructor(deps: KnownEntitiesDeps, edition: number) {
    this.#deps = deps;
    this.#edition = edition;
    this.#rules = stagingRules(deps.types, deps.shards);
  }

  get rules(): RulesByEntity {
    return this.#rules;
  }

  get areAll(): boolean {
    return this.#edition === this.#deps.types.edition;
  }

  /**
   * Resolves when the open parts know all entities.
   * @throws SpillwayError `ENTITY_UNSUPPORTED`, `DATABASE_UNAVAILABLE`: the next use tries again
   */
  async keepUp(): Promise<void> {
    while (!this.areAll) {
      this.#keepingUp ??= this.#keepUp().finally(() => (this.#keepingUp = undefined));
      await this.#keepingUp;
    }
  }

  async #keepUp(): Promise<void> {
    const { types, sink, shards, announce } = this.#deps;
    const { edition } = types;
    await databaseFor(LOOK_AT_TABLES, sink.inspect(stagedTables(types)));
    await databaseFor(LOOK_AT_TABLES, announce());
    sink.know(types.inAnyMode.map(({ table }) => table));
    this.#rules = stagingRules(types, shards);
    this.#edition = edition;
  }
}

/** The tables of which this process may stage something. */
export function stagedTables(types: TypeRegistry): WriteBehindType['table'][] {
  return types.inAnyMode.filter(({ policy }) => policy.mode === 'behind').map(({ table }) => table);
}
