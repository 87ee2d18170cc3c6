import type { Redis } from 'ioredis';

/** Bytes that the data in Redis take, without the buffers of clients. */
export async function dataBytes(redis: Redis): Promise<number> {
  const [, bytes] = /^used_memory_dataset:(\d+)/m.exec(await redis.info('memory')) ?? [];
  if (bytes === undefined) throw new Error('This server does not say how many bytes its data take.');
  return Number(bytes);
}
