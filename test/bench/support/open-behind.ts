import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { spillway, Spillway, type WorkerOptions } from '@spillway/core';
import type { Ground } from '../process/side.js';

/** Warnings would stand in the middle of the report. What they warn of, such as a dead letter, is no exact row. */
const logger = {
  warn: () => undefined,
  error: (message: string) => void process.stderr.write(`${message}\n`),
};

/** MikroORM with Spillway, started. */
export async function openBehind(
  { redisUrl: redis, databaseUrl: clientUrl, namespace }: Ground,
  entities: NonNullable<Options['entities']>,
  worker: boolean | WorkerOptions,
): Promise<MikroORM> {
  const extensions = [spillway({ redis, namespace, worker, logger, tables: { ensure: true } })];
  const orm = await MikroORM.init({ entities, clientUrl, extensions });
  await Spillway.of(orm).start();
  return orm;
}
