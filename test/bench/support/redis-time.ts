import type { Redis } from 'ioredis';

/** What Redis has spent on scripts since it was started. */
export interface ScriptTime {
  readonly calls: number;
  readonly microseconds: number;
}

/** Redis' own clock of scripts: commands that a script calls are part of it. */
export async function scriptTime(redis: Redis): Promise<ScriptTime> {
  const text = await redis.info('commandstats');
  const lines = [...text.matchAll(/^cmdstat_(?:eval|fcall)\w*:calls=(\d+),usec=(\d+)/gm)];
  const sum = (place: 1 | 2): number => lines.reduce((all, line) => all + Number(line[place]), 0);
  return { calls: sum(1), microseconds: sum(2) };
}
