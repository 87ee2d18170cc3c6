import { expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { StageGroup } from '../../../src/staging/stage-side.js';
import { Stager } from '../../../src/staging/stager.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { AT_ONCE } from '../../../src/testing/contract/bench.js';

const RULE: EntityRules = { ...AT_ONCE, onFull: 'reject', blockTimeoutMs: 0 };
const RULES = {
  Page: RULE,
  Payment: { ...RULE, durability: 'replicated' },
  Receipt: { ...RULE, durability: 'fsynced' },
} as const;

function plusOne(entity: keyof typeof RULES, key = '1'): Change {
  const rowKey = rowKeyOf({ schema: 'public', table: entity.toLowerCase(), key: [key] });
  return { kind: 'increment', entity, rowKey, values: {}, deltas: { n: '1' }, originals: {} };
}

/** A store that gives every tier, notes what it is asked for, and falls short while it is told to. */
async function generous() {
  const memory = memoryStaging({ shards: 1 });
  await memory.adopt(0, 'T0');
  const groups: StageGroup[] = [];
  const state = { lacks: undefined as string | undefined };
  const given = async (run: 'stage' | 'fence', { tier = 'primary', ...group }: StageGroup) => {
    const answer = await memory[run](group);
    const isShort = answer.status === 'judged' && tier !== 'primary' && state.lacks !== undefined;
    return isShort ? { ...answer, shortfall: state.lacks as string } : answer;
  };
  const store: StagingStore = Object.assign(Object.create(memory) as StagingStore, {
    shards: memory.shards,
    serverOf: () => 0,
    stage: async (group: StageGroup) => {
      groups.push(group);
      return given('stage', group);
    },
    fence: async (group: StageGroup) => given('fence', group),
  });
  const stager = new Stager(store, { stageTimeoutMs: 500, adopt: async () => {}, endHolds: async () => {} });
  return { memory, stager, groups, state };
}

test('a flush waits for the strictest tier of its entities, and a call may say another one', async () => {
  const { stager, groups } = await generous();
  await stager.stageAll([plusOne('Page')], RULES);
  await stager.stageAll([plusOne('Page'), plusOne('Payment')], RULES);
  await stager.stageAll([plusOne('Receipt'), plusOne('Payment'), plusOne('Page')], RULES);
  await stager.stageAll([plusOne('Payment')], RULES, undefined, 'primary');
  await stager.stageAll([plusOne('Page')], RULES, undefined, 'fsynced');
  expect(groups.map(({ tier }) => tier)).toEqual([undefined, 'replicated', 'both', undefined, 'fsynced']);
});

test('what comes in one turn leaves in one group for each tier', async () => {
  const { stager, groups } = await generous();
  const entities = ['Page', 'Payment', 'Page', 'Payment'] as const;
  await Promise.all(entities.map(async (entity, key) => stager.stageAll([plusOne(entity, `${key}`)], RULES)));
  expect(groups.map(({ tier, units }) => [tier, units.length])).toEqual([
    [undefined, 2],
    ['replicated', 2],
  ]);
});

test('what falls short is staged and said, and waited for once more without staging', async () => {
  const { memory, stager, groups, state } = await generous();
  state.lacks = '0 of 1 replicas had it';
  const change = plusOne('Payment');
  const { staged, short = [] } = await stager.stageAll([change], RULES);
  expect([...staged.keys()]).toEqual([change.rowKey]);
  expect(short).toMatchObject([{ said: '0 of 1 replicas had it', changes: [change] }]);
  expect(await stager.waitAgain(short)).toMatchObject({ short: [{ said: '0 of 1 replicas had it' }], lost: [] });
  state.lacks = undefined;
  expect(await stager.waitAgain(short)).toEqual({ short: [], lost: [] });
  expect(groups).toHaveLength(1);
  expect((await memory.peek([change.rowKey])).get(change.rowKey)?.dirty?.deltas).toEqual({ n: '1' });
});

test('what the store has forgotten since is lost, and not staged again', async () => {
  const first = await generous();
  first.state.lacks = '0 of 1 replicas had it';
  const { short = [] } = await first.stager.stageAll([plusOne('Payment')], RULES);
  const next = await generous();
  expect(await next.stager.waitAgain(short)).toEqual({ short: [], lost: short });
  expect((await next.memory.stats()).staged).toBe(0);
});

test('staging in memory refuses every tier that its process cannot give', async () => {
  const memory = memoryStaging({ shards: 1 });
  await memory.adopt(0, 'T0');
  const stager = new Stager(memory, { stageTimeoutMs: 500, adopt: async () => {}, endHolds: async () => {} });
  const refused =
    /Staging in memory cannot give durability: 'replicated'.*nothing was staged.*\[DURABILITY_UNSUPPORTED\]$/u;
  await expect(stager.stageAll([plusOne('Payment')], RULES)).rejects.toThrow(refused);
  const hold = { id: 'one', transaction: 'one', standing: [] };
  await expect(stager.holdAll([plusOne('Payment')], RULES, hold)).rejects.toThrow(refused);
  expect((await memory.stats()).staged).toBe(0);
});
