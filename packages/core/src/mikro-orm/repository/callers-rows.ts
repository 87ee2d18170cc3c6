import type { EntityName } from '@mikro-orm/core';
import type { Increments } from '../write/build-increment.js';
import type { IncrementOptions } from '../write/increment-options.js';
import type { IncrementRow } from '../write/prepare-increment.js';
import type { PatchOptions } from '../write/build-patch.js';
import type { PendingRow } from './pending-row.js';
import type { IncrementReceipt, Receipt } from './receipt.js';

/** The row calls of one caller. */
export interface CallersRows {
  patch(entity: EntityName, key: unknown, changes: object, options?: PatchOptions): Promise<Receipt>;
  increment(
    entity: EntityName,
    key: unknown,
    increments: Increments,
    options?: IncrementOptions,
  ): Promise<IncrementReceipt>;
  incrementMany(
    entity: EntityName,
    rows: readonly IncrementRow[],
    options?: IncrementOptions,
  ): Promise<IncrementReceipt>;
  pending(entity: EntityName, key: unknown): Promise<PendingRow | undefined>;
}
