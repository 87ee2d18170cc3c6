import { sharedRedisUrl } from '@spillway/test-support';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { PromoteStep } from '../../../src/flush/flush-shards.js';
import { rowOf, stageIncrements } from '../../unit/flush/counters.js';
import { COMPILE_CACHE } from '../life/child.js';
import { FlushFixture, idOf, SHARDS } from './fixture.js';

const ROWS = [rowOf(1, 0, SHARDS), rowOf(1, 1, SHARDS)] as const;

const STEPS: readonly (`${1 | 2}:${PromoteStep}` | 'committed' | 'acknowledged')[] = [
  '1:locked',
  '1:taken',
  '1:applied',
  '1:entered',
  '2:extended',
  '2:applied',
  '2:entered',
  'committed',
  'acknowledged',
];

const VICTIMS = ['process', 'backend'] as const;
const ENDS = STEPS.flatMap((step) => VICTIMS.map((victim) => [step, victim] as const));

/** Runs the process of `promoter.ts` to a step and ends it there: the process, or its connection. */
async function endAfter(step: string, fixture: FlushFixture, victim: (typeof VICTIMS)[number]): Promise<void> {
  const { namespace, databaseUrl, staging } = fixture;
  const file = (name: string): string => new URL(name, import.meta.url).pathname;
  const settings = { redis: sharedRedisUrl(), namespace, database: databaseUrl, rows: JSON.stringify(ROWS), step };
  const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, ['--import', file('run-sources.mjs'), file('promoter.ts'), ...options], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const ended = once(child, 'exit');
  let hasReached = false;
  for await (const line of createInterface(child.stdout)) {
    hasReached = line === step;
    if (hasReached) break;
    expect(line).toBe('promoted');
    await stageIncrements(staging, 1, ROWS);
    child.stdin.write('more\n');
  }
  expect(hasReached).toBe(true);
  if (victim === 'backend') await fixture.killConnections('promoter');
  child.kill('SIGKILL');
  await ended;
}

test.each(ENDS)(
  'C3: kill -9 after the step "%s" of a promotion in a transaction (%s) loses nothing and applies nothing twice',
  async (step, victim) => {
    await using fixture = await FlushFixture.create();
    await stageIncrements(fixture.staging, 1, ROWS);
    await endAfter(step, fixture, victim);
    await stageIncrements(fixture.staging, 1, [ROWS[0]]);

    await expect.poll(() => fixture.flush([1]), { timeout: 20_000 }).toEqual(['nothing']);
    // What the process was killed before is not staged either.
    const each = step.startsWith('1:') ? 1 : 2;
    expect(await fixture.stock()).toEqual({ [idOf(ROWS[0])]: each + 1, [idOf(ROWS[1])]: each });
    expect((await fixture.staging.stats()).dead).toBe(0);
    expect((await fixture.staging.stats()).pending).toEqual({});
  },
);
