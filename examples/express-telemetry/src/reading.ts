import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, Index, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { WriteBehind } from '@spillway/core';

/**
 * A measurement of a device. It is never changed, so there is nothing to compare, and a batch of them is one
 * statement.
 */
@Entity()
@Index({ properties: ['device', 'at'] })
@WriteBehind<Reading>({ debounce: 0, maxDelay: '500ms', detect: 'none' })
export class Reading {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'text' })
  device!: string;

  @Property({ type: 'datetime' })
  at!: Date;

  /** Degrees Celsius. */
  @Property({ type: 'double' })
  temperature!: number;
}
