import type { EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';

/** Calls the listener at discovery, after the application's own hook, which may still change the metadata. */
export function onDiscovered(orm: MikroORM, listener: (storage: MetadataStorage) => void): void {
  const discovery = orm.config.get('discovery');
  const previous = discovery.afterDiscovered;
  orm.config.set('discovery', {
    ...discovery,
    afterDiscovered: (storage, platform) => {
      const result: unknown = previous?.(storage, platform);
      if (result instanceof Promise) return result.then(() => listener(storage));
      listener(storage);
      return undefined;
    },
  });
}

type DiscoverEntity = (entities: never, reset?: never) => void;

/**
 * `orm.discoverEntity()` makes entities known after discovery. They are described like those of the first discovery. If
 * one cannot be written behind, all entities of this call are unknown again.
 */
export function hookDiscoverEntity(orm: MikroORM, describe: (storage: MetadataStorage) => void): void {
  const target = orm as unknown as { discoverEntity: DiscoverEntity };
  const discover = target.discoverEntity.bind(orm);
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
