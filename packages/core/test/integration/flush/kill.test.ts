import { sharedRedisUrl } from '@spillway/test-support';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { FlushStep } from '../../../src/flush/flush-shards.js';
import { rowOf, stageIncrements } from '../../unit/flush/counters.js';
import { COMPILE_CACHE } from '../life/child.js';
import { FlushFixture, idOf, SHARDS } from './fixture.js';

const rowA = rowOf(1, 0, SHARDS);
const rowB = rowOf(1, 1, SHARDS);

/** Runs a process that flushes shard 1, and kills it with signal 9 when it has done the step. */
async function killAfter(step: FlushStep, { namespace, databaseUrl }: FlushFixture): Promise<void> {
  const file = (name: string): string => new URL(name, import.meta.url).pathname;
  const settings = { redis: sharedRedisUrl(), namespace, database: databaseUrl, step };
  const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, ['--import', file('run-sources.mjs'), file('flusher.ts'), ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const ended = once(child, 'exit');
  const reached = await Promise.race([once(child.stdout, 'data'), ended]);
  expect(String(reached[0])).toBe(`${step}\n`);
  child.kill('SIGKILL');
  await ended;
}

it.each<FlushStep>(['begun', 'claimed', 'checked', 'written', 'committed', 'acknowledged'])(
  'kill -9 after a flush has "%s" loses nothing and applies nothing twice (F3, F5)',
  async (step) => {
    await using fixture = await FlushFixture.create();
    await stageIncrements(fixture.staging, 1, [rowA, rowB]);
    await killAfter(step, fixture);
    await stageIncrements(fixture.staging, 1, [rowA]);

    await expect.poll(() => fixture.flush([1]), { timeout: 10_000 }).toEqual(['nothing']);
    expect(await fixture.stock()).toEqual({ [idOf(rowA)]: 2, [idOf(rowB)]: 1 });
    expect((await fixture.staging.stats()).dead).toBe(0);
    expect((await fixture.staging.stats()).pending).toEqual({});
  },
);
