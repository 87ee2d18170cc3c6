import { expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import { stageNextSteps } from '../../../src/runtime/step-by-step.js';
import type { RulesByEntity } from '../../../src/staging/entity-rules.js';
import type { StageResult } from '../../../src/staging/stage-result.js';
import { CutOff } from '../../../src/staging/staging-errors.js';

const [first, second, third] = ['1', '2', '3'].map((id) =>
  rowKeyOf({ schema: 'shop', table: 'product', key: [id] }),
) as [RowKey, RowKey, RowKey];
const rules = { Product: { steps: ['code'] } } as unknown as RulesByEntity;

function change(rowKey: RowKey): Change {
  return { rowKey, entity: 'Product', kind: 'increment', values: {}, deltas: { stock: '1' } } as unknown as Change;
}

function result(parts: Partial<Record<'staged' | 'step' | 'unknown' | 'dropped', readonly RowKey[]>>): StageResult {
  const { staged = [], step = [], unknown = [], dropped = [] } = parts;
  const calls = (rows: readonly RowKey[]) =>
    rows.map((row) => {
      const changes = [change(row)];
      return { changes, group: { id: row, units: [{ changes }], rules: {} }, place: 0 };
    });
  return {
    staged: new Map(staged.map((row) => [row, undefined])),
    marks: new Map(),
    refused: step.map((rowKey) => ({ rowKey, reason: 'step' })),
    unknown: calls(unknown),
    dropped: calls(dropped),
  };
}

/** Answers one call after the other, and notes which rows were asked for, and whether steps were kept. */
function staging(...answers: readonly (StageResult | Error)[]) {
  const rest = [...answers];
  const asked: { readonly rows: readonly RowKey[]; readonly keepsSteps: boolean }[] = [];
  const stage = (changes: readonly Change[], { Product }: RulesByEntity): Promise<StageResult> => {
    asked.push({ rows: changes.map(({ rowKey }) => rowKey), keepsSteps: Product?.steps !== undefined });
    const answer = rest.shift() ?? new Error('asked too often');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { asked, stage, write: () => Promise.resolve() };
}

async function stageStepByStep(changes: readonly Change[], bench: ReturnType<typeof staging>): Promise<StageResult> {
  return stageNextSteps(changes, await bench.stage(changes, rules), rules, bench);
}

const away = new SpillwayError('STAGING_UNAVAILABLE', 'It is away');

test('a call that may have run, or is lost, is not sent again with the steps that were waited for', async () => {
  const bench = staging(result({ step: [first], unknown: [second], dropped: [third] }), result({ staged: [first] }));
  const answer = await stageStepByStep([first, second, third].map(change), bench);
  expect(bench.asked.map(({ rows }) => rows)).toEqual([[first, second, third], [first]]);
  expect([...answer.staged.keys()]).toEqual([first]);
  expect(answer).toMatchObject({
    refused: [],
    unknown: [{ group: { id: second } }],
    dropped: [{ group: { id: third } }],
  });
});

test('in the end steps are merged, and every change is staged once', async () => {
  const bench = staging(...[1, 2, 3].map(() => result({ step: [first] })), result({ staged: [first] }));
  expect((await stageStepByStep([change(first)], bench)).refused).toEqual([]);
  expect(bench.asked.map(({ keepsSteps }) => keepsSteps)).toEqual([true, true, true, false]);
});

test('an error after some are staged leaves the others refused, and is thrown where nothing is staged', async () => {
  const partly = staging(result({ staged: [first], step: [second] }), away);
  expect(await stageStepByStep([first, second].map(change), partly)).toMatchObject({
    staged: new Map([[first, undefined]]),
    refused: [{ rowKey: second, reason: 'step' }],
  });
  await expect(stageStepByStep([change(first)], staging(result({ step: [first] }), away))).rejects.toBe(away);
});

test('an end that cuts the call off is told, whatever was staged before', async () => {
  const stopped = new SpillwayError('STOPPED', 'It may have happened');
  const bench = staging(result({ staged: [first], step: [second] }), stopped);
  const error: unknown = await stageStepByStep([first, second].map(change), bench).catch((told: unknown) => told);
  expect(error).toMatchObject({ code: 'STOPPED', cause: stopped });
  expect((error as CutOff).result).toMatchObject({ staged: new Map([[first, undefined]]), unknown: [] });
});

test('an end that cuts the call off is told with what is open, and with what was staged before', async () => {
  const cutOff = new CutOff('Redis', undefined, result({ unknown: [second] }));
  const bench = staging(result({ staged: [first], step: [second] }), cutOff);
  const error: unknown = await stageStepByStep([first, second].map(change), bench).catch((told: unknown) => told);
  const { staged, unknown } = (error as CutOff).result ?? result({});
  expect([...staged.keys(), ...unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey))]).toEqual([
    first,
    second,
  ]);
});
