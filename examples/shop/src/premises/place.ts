/**
 * The place of one run: a database, a Redis namespace and a folder of its own, so that runs do not disturb each other,
 * and nothing is left on servers that belong to somebody.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RedisClusterOptions, RedisNodes, RedisTarget } from '@spillway/core';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { StagingPlace } from './nodes.js';

export interface Place extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly redis: RedisTarget | RedisNodes | RedisClusterOptions;
  readonly namespace: string;
  readonly folder: string;
}

export async function makePlace(env: NodeJS.ProcessEnv, { redis, victim }: StagingPlace): Promise<Place> {
  const { DATABASE_URL: server } = env;
  if (!server) throw new Error('DATABASE_URL names the server: set it, or run `npm start`.');
  const name = `spillway_shop_${randomBytes(4).toString('hex')}`;
  await administer(server, `create database ${name}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-shop-'));
  return {
    databaseUrl: Object.assign(new URL(server), { pathname: `/${name}` }).href,
    redis,
    namespace: name,
    folder,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true });
      // Servers that may be killed are gone with the run.
      if (typeof redis === 'string' && victim === undefined) await emptyNamespace(redis, name);
      await administer(server, `drop database ${name} with (force)`);
    },
  };
}

async function administer(server: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function emptyNamespace(redisUrl: string, namespace: string): Promise<void> {
  const redis = new Redis(redisUrl);
  try {
    for await (const keys of redis.scanStream({ match: `*${namespace}*`, count: 1_000 }) as AsyncIterable<string[]>) {
      // One by one: in a cluster they are in several slots.
      await Promise.all(keys.map(async (key) => redis.unlink(key)));
    }
  } finally {
    redis.disconnect();
  }
}
