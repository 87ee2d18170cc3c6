import { PrimaryKeyProp, type Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { WriteBehind } from '@spillway/core';

/**
 * The last report of a device. It is overwritten all the time: of a hundred reports in a second PostgreSQL sees one.
 */
@Entity()
@WriteBehind<DeviceState>({ debounce: '200ms', maxDelay: '1s', detect: 'none', counters: ['reports'] })
export class DeviceState {
  [PrimaryKeyProp]?: 'device';

  @PrimaryKey({ type: 'text' })
  device!: string;

  @Property({ type: 'double' })
  temperature!: number;

  @Property({ type: 'datetime' })
  seenAt!: Date;

  @Property({ type: 'integer' })
  reports: number & Opt = 0;
}
