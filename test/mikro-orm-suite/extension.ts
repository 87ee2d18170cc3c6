import { createHash, randomUUID } from 'node:crypto';
import type { EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../packages/core/src/errors.js';
import type { PolicyEntry } from '../../packages/core/src/policy/policy-registry.js';
import { resolveOptions } from '../../packages/core/src/resolve-options.js';
import type { ResolvedOptions } from '../../packages/core/src/options.js';
import * as spillway from '../../packages/core/src/spillway.js';

/** It is internal, so types do not show it. */
const { extensionOf } = spillway as unknown as {
  extensionOf: (resolved: ResolvedOptions) => spillway.SpillwayExtension;
};

/** Of all modules of this process, which are loaded anew for each file. */
const current = globalThis as { spillwaySuiteFile?: string };

/** What one test file stages meets nothing of another. */
export function beginFile(): void {
  current.spillwaySuiteFile = randomUUID().slice(0, 8);
}

/** Makes every ORM one with Spillway. @param decorated whether all its entities that can be are written behind */
export function extensionOfSuite(decorated: boolean): spillway.SpillwayExtension {
  return {
    register(orm) {
      const entities = new DecoratedEntities();
      const resolved = resolveOptions({
        redis: String(process.env['REDIS_URL']),
        namespace: `${current.spillwaySuiteFile}-${createHash('sha256')
          .update(String(orm.config.get('dbName')))
          .digest('hex')
          .slice(0, 16)}`,
        shards: 4,
        tables: { ensure: true },
        worker: { pollInterval: '10ms' },
        acceptVolatile: true,
      });
      const withPolicies = Object.defineProperty({ ...resolved }, 'policies', { get: () => entities.policies });
      extensionOf(decorated ? withPolicies : resolved).register(orm);
      if (decorated) entities.watch(orm);
    },
  };
}

/** The entities of an ORM that can be written behind: all whose description Spillway does not refuse. */
class DecoratedEntities {
  readonly #refused = new Set<string>();
  #storage: MetadataStorage | undefined;

  get policies(): PolicyEntry[] {
    const all = [...(this.#storage?.getAll().values() ?? [])];
    return all.filter((meta) => this.#isTable(meta)).map((meta) => [meta.class, {}] as const);
  }

  /** Lays itself round the hook that describes entities, and tries again without each one that is refused. */
  watch(orm: MikroORM): void {
    const discovery = orm.config.get('discovery');
    const describe = discovery.afterDiscovered;
    orm.config.set('discovery', {
      ...discovery,
      afterDiscovered: (storage, platform) => {
        this.#storage = storage;
        for (;;) {
          try {
            return describe?.(storage, platform) as undefined;
          } catch (error) {
            this.#refuse(error);
          }
        }
      },
    });
  }

  #isTable(meta: EntityMetadata): boolean {
    if (meta.embeddable || meta.pivotTable || meta.virtual || meta.view || meta.root.class !== meta.class) return false;
    if (meta.abstract && meta.inheritanceType !== 'sti') return false;
    return !this.#refused.has(meta.className);
  }

  #refuse(error: unknown): void {
    const name = error instanceof SpillwayError ? /^\w+/.exec(error.message)?.[0] : undefined;
    if (name === undefined || this.#refused.has(name)) throw error;
    this.#refused.add(name);
    if (process.env['SPILLWAY_SUITE_REFUSALS']) process.stderr.write(`refused: ${(error as Error).message}\n`);
  }
}
