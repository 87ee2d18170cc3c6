import type { DeadLetterId } from '@spillway/core';
import { WrongUsage } from '../../exit-code.js';

/** A letter as a person names it: `3/17` is letter 17 of shard 3. */
export function letterText({ shard, id }: DeadLetterId): string {
  return `${shard}/${id}`;
}

/** @throws WrongUsage */
export function letterId(text: string): DeadLetterId {
  const [, shard, id] = /^(\d{1,4})\/(\S+)$/u.exec(text) ?? [];
  if (shard === undefined || id === undefined)
    throw new WrongUsage(`"${text}" names no dead letter. "spillway dead-letters list" has their names, such as 3/17`);
  return { shard: Number(shard), id };
}
