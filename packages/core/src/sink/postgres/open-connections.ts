import type { Connections } from './connections.js';
import type { TransactionLimits } from './ledger/lock-shards.js';
import { PoolConnections, type PoolOptions } from './pool.js';
import type { PostgresSinkOptions } from './options.js';
import { SharedConnections } from './shared/shared-connections.js';

/** Opens connections of Spillway's own, or shares the only one. Nothing is connected before the first call. */
export function openConnections(
  options: PoolOptions & Pick<PostgresSinkOptions, 'shared'>,
  limits: TransactionLimits,
): Connections {
  return options.shared ? new SharedConnections(options.shared) : new PoolConnections(options, limits);
}
