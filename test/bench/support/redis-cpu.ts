import type { Redis } from 'ioredis';

/** The time of processors that a Redis has used since it was started, in seconds: also for what is no script. */
export async function cpuSeconds(redis: Redis): Promise<number> {
  const text = await redis.info('cpu');
  const used = [...text.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  return used.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}
