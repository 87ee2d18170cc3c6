import type { Platform } from '@mikro-orm/core';
import type { RecordKind } from '../../change/record.js';
import type { AnyEntity } from '../../policy/entity-types.js';
import type { EntityValues } from '../../policy/conflict-function.js';
import { pendingRecord } from '../../read/overlay.js';
import type { Pending } from '../../staging/look-side.js';
import { decimalText } from '../values/counter-delta.js';
import { valueConversion } from '../describe/entity-values.js';
import { versionValue } from '../values/version-text.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** The changes of a row that are staged and not yet in the database, in the terms of the entity. */
export interface PendingRow<Entity extends object = AnyEntity> {
  /** `replace`: deleted and inserted again. */
  readonly kind: RecordKind;
  /** The properties that are set, as the entity has them; a reference is a primary key. */
  readonly changes: EntityValues<Entity>;
  /** Counters that are added to, and by how much, as decimal texts. */
  readonly increments: Readonly<Record<string, string>>;
  /** The version that the row will have; `undefined` if it has none, or if no change of it knew the version. */
  readonly version: number | Date | undefined;
  /** When the first of the changes was staged, by the clock of the staging store. */
  readonly since: Date;
  /** True if some of it is being written just now. */
  readonly isInFlight: boolean;
}

export function pendingRow(
  type: WriteBehindType,
  pending: Pending | undefined,
  platform: Platform,
): PendingRow | undefined {
  const record = pendingRecord(pending);
  if (!record) return undefined;
  const conversion = valueConversion(type, platform);
  const known = Object.entries(record.values).filter(([name]) => type.values.has(name));
  return {
    kind: record.kind,
    changes: Object.fromEntries(known.map(([name, text]) => [name, conversion.toValue(name, text)])),
    increments: Object.fromEntries(
      Object.entries(record.deltas).map(([name, delta]) => [
        name,
        decimalText(BigInt(delta), type.counters.get(name) ?? 0),
      ]),
    ),
    version: type.version && record.version !== undefined ? versionValue(record.version, type.version.kind) : undefined,
    since: new Date(record.firstAtMs),
    isInFlight: pending?.inFlight !== undefined,
  };
}
