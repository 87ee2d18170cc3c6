import type { EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';

type DiscoverEntity = (entities: never, reset?: never) => void;

/**
 * `orm.discoverEntity()` makes entities known after discovery. They are described like those of the first discovery. If
 * one cannot be written behind, all entities of this call are unknown again.
 */
export function hookDiscoverEntity(orm: MikroORM, describe: (storage: MetadataStorage) => void): void {
  const target = orm as unknown as { discoverEntity?: DiscoverEntity };
  const discover = target.discoverEntity?.bind(orm);
  if (!discover) return;
  target.discoverEntity = (entities, reset) => {
    const before = new Set<EntityMetadata>(orm.getMetadata().getAll().values());
    discover(entities, reset);
    const storage = orm.getMetadata();
    try {
      describe(storage);
    } catch (error) {
      const added = Array.from(storage.getAll().values()).filter((meta) => !before.has(meta));
      for (const meta of added) storage.reset(meta.class);
      throw error;
    }
  };
}
