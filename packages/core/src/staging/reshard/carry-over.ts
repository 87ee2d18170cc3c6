import type { RowKey } from '../../change/row-key.js';
import { type Argument, text } from '../redis/connection.js';
import { type Move, targetOf } from './move.js';
import type { ShardPlace } from './place.js';
import { command, eachPage, entriesOf } from './place-commands.js';

/** Moves the last writes of rows, so that a caller with an old version is still refused at once. */
export async function moveLastWrites(move: Move): Promise<void> {
  for (const place of move.from.all)
    for (const key of ['recent', 'recent:old'] as const)
      await eachPage(place, key, async (entries) => {
        const gone: Buffer[] = [];
        const moved = new Map<ShardPlace, Buffer[]>(move.to.all.map((target) => [target, []]));
        for (const [field, value] of entries) {
          // A trace of dead letters names them by their old numbers. Receipts of the old map cannot ask any more.
          const isTrace = text(field).startsWith('!');
          const target = isTrace ? undefined : targetOf(move, place, text(field) as RowKey);
          if (target) moved.get(target)?.push(field, value);
          if (target || isTrace) gone.push(field);
        }
        for (const [target, ofTarget] of moved) if (ofTarget.length > 0) await command(target, 'HSET', key, ofTarget);
        if (gone.length > 0) await command(place, 'HDEL', key, gone);
        return gone;
      });
}

/**
 * Moves the words of transactions that write rows past the unit of work, so that no reader keeps a copy of what they
 * are about to change. Readers find out themselves when such a transaction has ended.
 */
export async function moveBlocks(move: Move): Promise<void> {
  for (const place of move.from.all)
    for (const [field, value] of await entriesOf(place, 'cache:blocks')) {
      const name = text(field);
      if (name.startsWith('table:')) for (const target of move.to.all) await addBlock(target, field, value);
      if (!name.startsWith('row:')) continue;
      const target = targetOf(move, place, name.slice('row:'.length) as RowKey);
      if (!target) continue;
      await addBlock(target, field, value);
      await command(place, 'HDEL', 'cache:blocks', [field]);
    }
}

/** Leaves a block that is there as it is. Every other process is refused, so nothing comes in between. */
async function addBlock(target: ShardPlace, field: Buffer, value: Buffer): Promise<void> {
  if (Number(await command(target, 'HEXISTS', 'cache:blocks', [field])) === 0)
    await command(target, 'HSET', 'cache:blocks', [field, value]);
}

/**
 * Writes into each shard of the new map what the chains of the old one say of all shards: the entities that have been
 * left, and when a version was found void. The shards count on above the highest number of a staged change: dead
 * letters and last writes bear such numbers, and the higher one is the later one. `begun` is what a shard has not
 * counted itself.
 */
export async function copyChains(move: Move): Promise<void> {
  const left = new Map<string, Buffer>();
  let voidAt = 0;
  let highest = 0;
  for (const place of move.from.all) {
    for (const [field, value] of await entriesOf(place, 'chain')) {
      const name = text(field);
      if (name === 'voidAt') voidAt = Math.max(voidAt, numberIn(value));
      if (name === 'sequence') highest = Math.max(highest, numberIn(value));
      if (name.startsWith('f:') && text(value) === 'left') left.set(name, value);
    }
  }
  for (const target of move.to.all) {
    const counted = (await command(target, 'HMGET', 'chain', ['sequence', 'begun'])) as readonly (Buffer | null)[];
    const [sequence = 0, begun = 0] = counted.map(numberIn);
    const args: Argument[] = [
      'sequence',
      highest,
      'begun',
      highest - Math.max(0, sequence - begun),
      ...[...left].flat(),
    ];
    if (voidAt > 0) args.push('voidAt', voidAt);
    await command(target, 'HSET', 'chain', args);
  }
}

function numberIn(bytes: Buffer | null): number {
  const number = bytes === null ? 0 : Number(text(bytes));
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
