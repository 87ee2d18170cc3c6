import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { spillway, Spillway, type SpillwayOptions, type WorkerOptions } from '@spillway/core';
import type { Ground } from '../process/side.js';

/** Warnings would stand in the middle of the report. What they warn of, such as a dead letter, is no exact row. */
const logger = {
  warn: () => undefined,
  error: (message: string) => void process.stderr.write(`${message}\n`),
};

/** Where the shards are, and how many. @defaultValue the Redis of the ground, and as many as a new namespace gets */
export type ShardsOf = Pick<SpillwayOptions, 'redis' | 'shards'>;

/** MikroORM with Spillway, started. */
export async function openBehind(
  { redisUrl, databaseUrl: clientUrl, namespace }: Ground,
  entities: NonNullable<Options['entities']>,
  worker: boolean | WorkerOptions,
  { redis = redisUrl, shards }: ShardsOf = {},
): Promise<MikroORM> {
  const map = { redis, ...(shards !== undefined && { shards }) };
  const extensions = [spillway({ ...map, namespace, worker, logger, tables: { ensure: true } })];
  const orm = await MikroORM.init({ entities, clientUrl, extensions });
  await Spillway.of(orm).start();
  return orm;
}
