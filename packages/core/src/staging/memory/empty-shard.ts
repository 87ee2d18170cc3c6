import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type { EmptyReport } from '../flush-side.js';
import type { MemoryShard } from './memory-shard.js';

/**
 * Throws away all records, layers, remembered writes and dead letters of some rows. A batch goes on with its other
 * rows. If none is left, the batch ends, and counts as acknowledged if it was committed.
 */
export function emptyShard(shard: MemoryShard, isGone: (rowKey: RowKey) => boolean, lastToken: string): EmptyReport {
  const waiting = [...shard.dirty.keys()].filter(isGone);
  for (const rowKey of waiting) {
    noteEmptied(shard, rowKey, shard.dirty.get(rowKey));
    shard.dropDirty(rowKey);
  }
  const flying = [...(shard.flight?.records.keys() ?? [])].filter(isGone);
  for (const rowKey of flying) {
    noteEmptied(shard, rowKey, shard.flight?.records.get(rowKey));
    shard.dropInFlight(rowKey);
  }
  if (flying.length > 0 && shard.flight?.records.size === 0) {
    if (shard.flight.token === lastToken) shard.last = lastToken;
    shard.flight = undefined;
  }
  for (const rowKey of [...shard.layers.keys()].filter(isGone)) shard.layers.delete(rowKey);
  const letters = [...shard.dead.values()].filter(({ rowKey }) => isGone(rowKey));
  for (const { id } of letters) shard.dead.delete(id);
  shard.recent.deleteWhere(isGone);
  return { records: waiting.length + flying.length, dead: letters.length };
}

/** A caller that waits for such a change is told that it will not be written. */
function noteEmptied(shard: MemoryShard, rowKey: RowKey, record: StagedRecord | undefined): void {
  if (record) shard.noteLetter(rowKey, { id: '0', first: record.first, last: record.last, code: 'EMPTIED' });
}
