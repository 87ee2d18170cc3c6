import type { StagedRecord } from '../../change/record.js';
import type { Settlement, StagedMark } from '../look-side.js';
import type { MemoryShard } from './memory-shard.js';

/** The settlement of one staged change, by the questions of `settled.lua`, in its order. */
export function settlementOf(shard: MemoryShard, { rowKey, sequence, since }: StagedMark): Settlement {
  const { dirty, inFlight } = shard.row(rowKey);
  if (holds(dirty, sequence) || holds(inFlight, sequence)) return { status: 'pending' };
  const trace = shard.letters.get(rowKey)?.find(({ first, last }) => first <= sequence && sequence <= last);
  if (trace) {
    const letter = shard.dead.get(trace.id);
    return { status: 'dead', code: trace.code, ...(letter && { reason: letter.reason }) };
  }
  if ((since !== undefined && since !== shard.since) || sequence > shard.sequence) return { status: 'lost' };
  const isWritten = (shard.recent.get(rowKey)?.sequence ?? -1) >= sequence;
  const letter = isWritten
    ? undefined
    : [...shard.dead.values()].find((dead) => dead.rowKey === rowKey && holds(dead.record, sequence));
  return letter ? { status: 'dead', code: letter.code, reason: letter.reason } : { status: 'written' };
}

function holds(record: StagedRecord | undefined, sequence: number): boolean {
  return record !== undefined && record.first <= sequence && sequence <= record.last;
}
