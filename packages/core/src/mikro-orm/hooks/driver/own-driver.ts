import type { EntityMetadata } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { type DriverMethods, type DriverOptions, DRIVER_METHODS } from '../../contract/methods.js';
import type { ContractWatch } from '../../handshake/contract-watch.js';
import type { Find } from '../../read/reads.js';

type Stream = (entity: unknown, where: unknown, options?: DriverOptions) => AsyncIterableIterator<unknown>;

/** MikroORM's driver as it is without hooks. */
export interface OwnDriver {
  readonly methods: DriverMethods;
  readonly stream: Stream;
  /** The metadata of the entity of a call. The call must be one that MikroORM may make. */
  metaOf(entity: unknown, options: DriverOptions): EntityMetadata;
  /** Reads rows of an entity past the hooks. */
  finderOf(entity: unknown): Find;
}

/** Call this before the driver is hooked. */
export function ownDriver(driver: AbstractSqlDriver, watch: ContractWatch): OwnDriver {
  const target = driver as unknown as DriverMethods & { readonly stream: Stream };
  const methods = Object.fromEntries(
    DRIVER_METHODS.map((name) => [name, target[name].bind(driver)]),
  ) as unknown as DriverMethods;
  return {
    methods,
    stream: target.stream.bind(driver),
    metaOf: (entity, options) => {
      const meta = driver.getMetadata().get(entity as never);
      watch.assertCall(meta, options);
      return meta;
    },
    finderOf: (entity) => (where, options) => methods.find(entity, where, options),
  };
}
