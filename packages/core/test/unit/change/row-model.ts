import type { Change } from '../../../src/change/change.js';
import { makesMissing, type StagedRecord } from '../../../src/change/record.js';

/** A row as a database holds it: what coalescing must end in, however the changes are cut into records. */
export interface ModelRow {
  readonly version: string | undefined;
  readonly values: Readonly<Record<string, string>>;
  readonly counters: Readonly<Record<string, bigint>>;
}

/**
 * Does to a row what SQL would do for the record. Throws where SQL would meet a conflict: there is no other writer
 * here, so there must be none.
 */
export function applyRecord(row: ModelRow | undefined, record: StagedRecord): ModelRow | undefined {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${record.kind} ${record.base ?? ''} meets ${JSON.stringify(row?.version)}: ${what}`);
  };
  if (row !== undefined && record.base !== undefined) must(row.version === record.base, 'the base is another');
  switch (record.kind) {
    case 'insert':
      must(row === undefined, 'the row exists');
      return laidOver(undefined, record);
    case 'update':
    case 'increment':
      must(row !== undefined || makesMissing(record), 'the row is missing');
      return laidOver(row ?? madeOf(record), record);
    case 'upsert':
      return laidOver(row ?? madeOf(record), record);
    case 'replace':
      return laidOver(undefined, record);
    case 'delete':
      return undefined;
    default:
      return record.kind satisfies never;
  }
}

/** The same for a single change, `version` being what its caller was told. */
export function applyChange(
  row: ModelRow | undefined,
  change: Change,
  version: string | undefined,
): ModelRow | undefined {
  if (change.kind === 'delete') return undefined;
  return laidOver(change.kind === 'insert' ? undefined : (row ?? madeOf(change)), {
    ...change,
    ...(version === undefined ? {} : { version }),
  });
}

/** The row that is made where it is missing, before anything is added to it. */
function madeOf({ missing }: Pick<StagedRecord, 'missing'>): ModelRow | undefined {
  if (missing === undefined || missing === 'drop') return undefined;
  return laidOver(undefined, { values: missing.create, deltas: {} });
}

function laidOver(row: ModelRow | undefined, over: Pick<StagedRecord, 'values' | 'deltas' | 'version'>): ModelRow {
  const counters: Record<string, bigint> = { ...row?.counters };
  const values: Record<string, string> = { ...row?.values };
  for (const [property, value] of Object.entries(over.values)) {
    if (property in COUNTERS) counters[property] = BigInt(value);
    else values[property] = value;
  }
  for (const [property, delta] of Object.entries(over.deltas))
    counters[property] = (counters[property] ?? 0n) + BigInt(delta);
  return { version: over.version ?? row?.version, values, counters };
}

/** Properties that are numbers in the model, so that they can be assigned and added to. */
const COUNTERS = { stock: true, sold: true };
