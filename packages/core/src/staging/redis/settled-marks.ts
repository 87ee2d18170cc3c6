import type { RowKey } from '../../change/row-key.js';
import type { Settlement, StagedMark } from '../look-side.js';
import { letterById, lettersOf } from './dead-letters.js';
import { inPartsBy } from './parts-of.js';
import { text } from './connection.js';
import type { ShardScripts } from './shard-scripts.js';

/**
 * The settlements of staged changes, by one script per shard and part. If a change has left no trace, looks through the
 * shard's dead letters.
 */
export async function settledMarks(
  marks: readonly StagedMark[],
  scripts: ShardScripts,
): Promise<readonly Settlement[]> {
  const settlements = new Map<StagedMark, Settlement>();
  const rowOf = ({ rowKey }: StagedMark): RowKey => rowKey;
  await inPartsBy(marks, rowOf, scripts.shards, async (shard, part) => {
    const args = part.flatMap(({ rowKey, sequence, since }) => [rowKey, sequence, since ?? '']);
    const reply = await scripts.run('settled', shard, args);
    const isThere = text(reply[0]) === 'found';
    for (const [index, mark] of part.entries()) {
      const [status, id, code] = isThere ? reply.slice(1 + 3 * index, 4 + 3 * index).map(text) : ['lost'];
      settlements.set(mark, await settlementOf(mark, { shard, status, id, code }, scripts));
    }
  });
  return marks.map((mark) => settlements.get(mark) ?? { status: 'lost' });
}

interface Found {
  readonly shard: number;
  readonly status: string | undefined;
  readonly id: string | undefined;
  readonly code: string | undefined;
}

async function settlementOf(mark: StagedMark, found: Found, scripts: ShardScripts): Promise<Settlement> {
  const { shard, status, id = '', code = '' } = found;
  switch (status) {
    case 'pending':
    case 'written':
    case 'lost':
      return { status };
    case 'dead': {
      const letter = await letterById(scripts, shard, id);
      return { status, code, ...(letter && { reason: letter.reason }) };
    }
    default:
      return (await deadIn(mark, shard, scripts)) ?? { status: 'written' };
  }
}

async function deadIn(
  { rowKey, sequence }: StagedMark,
  shard: number,
  scripts: ShardScripts,
): Promise<Settlement | undefined> {
  for await (const letter of lettersOf(scripts, shard)) {
    const { first, last } = letter.record;
    if (letter.rowKey === rowKey && first <= sequence && sequence <= last)
      return { status: 'dead', code: letter.code, reason: letter.reason };
  }
  return undefined;
}
