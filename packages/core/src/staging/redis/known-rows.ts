import { knownVersion } from '../../change/merge-records.js';
import type { BatchOutcome } from '../../change/outcome.js';
import { encodePlain } from '../../change/record-codec.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';

/**
 * The rows of a batch that are simply applied, for `known-rows.lua`. Redis would spend most of an acknowledgement on
 * decoding their records again. The caller has decoded them already, and says what Redis remembers of each row.
 *
 * `[records of the batch, [row key, version or '', deleted, last sequence, …], [entity, records, …]]`
 *
 * @param size how many records the batch had at its claim, unreadable ones too
 */
export function encodeKnownRows(
  records: ReadonlyMap<RowKey, StagedRecord>,
  outcomes: BatchOutcome,
  size: number,
): Buffer {
  const rows: (string | number)[] = [];
  const entities = new Map<string, number>();
  for (const [rowKey, record] of records) {
    if (outcomes.has(rowKey)) continue;
    rows.push(rowKey, knownVersion(record) ?? '', record.kind === 'delete' ? 1 : 0, record.last);
    entities.set(record.entity, (entities.get(record.entity) ?? 0) + 1);
  }
  return encodePlain([size, rows, [...entities].flat()]);
}
