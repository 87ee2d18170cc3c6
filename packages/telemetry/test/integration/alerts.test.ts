import { eventually, freshNamespace, redis } from '@spillway/test-support';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RowKey, SpillwayEvent } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { evaluate } from '../promql/evaluate.js';
import { alertFile, alertRules } from '../promql/files.js';
import { hasPromtool, promtool } from '../promql/promtool.js';
import { samplesOf, type Sample } from '../promql/samples.js';
import { exported, troubled, type Trouble } from './exported.js';
import { openShop, Product } from './shop.js';

const SECONDS = 1_000;

/** The alerts of a namespace that would fire, by the last scrape and the one before it. */
function firing(samples: readonly Sample[], namespace: string): readonly string[] {
  return alertRules().flatMap(({ alert, expr }) =>
    evaluate(expr, samples)
      .filter(({ labels }) => labels['spillway_namespace'] === namespace)
      .map(() => alert),
  );
}

/** The problems that are named at present. */
function problemsIn(samples: readonly Sample[], namespace: string): readonly (string | undefined)[] {
  return samples
    .filter(({ name, labels }) => name === 'spillway_health_problems' && labels['spillway_namespace'] === namespace)
    .filter(({ value }) => value > 0)
    .map(({ labels }) => labels['spillway_problem']);
}

const conflict: SpillwayEvent = {
  type: 'conflict',
  shard: 0,
  entity: 'Product',
  rowKey: 'product:1' as RowKey,
  settled: 'nobody',
};

/** A state of an engine, and the alerts that it fires. */
type State = readonly [string, Trouble, readonly string[], events?: readonly SpillwayEvent[]];

const states: readonly State[] = [
  ['all is well', {}, []],
  ['nothing flows: down', { health: { status: 'down' } }, ['SpillwayDown']],
  ['Redis is down', { health: { status: 'down', states: ['staging-silent'] } }, ['SpillwayDown', 'SpillwayProblem']],
  ['Redis is full', { health: { status: 'down', states: ['staging-full'] } }, ['SpillwayDown', 'SpillwayProblem']],
  [
    'PostgreSQL is down',
    { health: { status: 'down', states: ['database-unreachable'] } },
    ['SpillwayDown', 'SpillwayProblem'],
  ],
  [
    'no worker runs',
    { health: { status: 'down', states: ['overdue'] } },
    ['SpillwayDown', 'SpillwayProblem', 'SpillwayNoWorker'],
  ],
  ['the lag grows', { status: { oldestMs: 61 * SECONDS, pending: { Product: 5 } } }, ['SpillwayLagGrows']],
  ['a change waits, not for long', { status: { oldestMs: 59 * SECONDS, pending: { Product: 5 } } }, []],
  ['little room is left', { status: { pending: { Product: 801 } } }, ['SpillwayRoomLow']],
  ['a fifth of the room is left', { status: { pending: { Product: 800 } } }, []],
  ['there are dead letters', { status: { dead: 1 } }, ['SpillwayDeadLetters']],
  ['dead letters are dropped', { status: { deadDropped: 3 } }, ['SpillwayDeadLettersDropped']],
  [
    'Redis has forgotten something',
    { health: { status: 'degraded', states: ['data-loss'] } },
    ['SpillwayProblem', 'SpillwayDataLoss'],
  ],
  ['a query waits often', { status: { forcedDrains: { 'Product.find': 100 } } }, ['SpillwayForcedDrains']],
  ['a query waits now and then', { status: { forcedDrains: { 'Product.find': 10 } } }, []],
  ['staging overflows', {}, ['SpillwayOverflows'], [{ type: 'overflow', reason: 'full' }]],
];

test.each(states.map((state) => ({ name: state[0], state })))('$name', async ({ state }) => {
  const [, trouble, expected, events = []] = state;
  using metrics = exported();
  const namespace = freshNamespace();
  let now: Trouble = { status: { forcedDrains: { 'Product.find': 0 } } };
  using engine = troubled(namespace, () => now);
  for (const event of events) engine.tell(event);
  const before = await metrics.scrape();
  now = trouble;
  for (const event of events) engine.tell(event);
  expect(firing(samplesOf(await metrics.scrape(), before), namespace)).toEqual(expected);
});

test('too many rows are in conflict', async () => {
  using metrics = exported();
  await using shop = await openShop({ worker: false });
  using engine = troubled(shop.namespace, () => ({}));
  engine.tell(conflict);
  await shop.make(1);
  await shop.service.drain({ until: 'written' });
  const before = await metrics.scrape();
  await shop.make(19);
  await shop.service.drain({ until: 'written' });
  expect(firing(samplesOf(await metrics.scrape(), before), shop.namespace)).toEqual([]);
  engine.tell(conflict);
  expect(firing(samplesOf(await metrics.scrape(), before), shop.namespace)).toEqual(['SpillwayConflicts']);
});

test('nothing is exported', () => {
  const absent = alertRules().filter(({ expr }) => evaluate(expr, []).length > 0);
  expect(absent.map(({ alert }) => alert)).toEqual(['SpillwayAbsent']);
});

test('a running shop fires nothing; its dead letter does, and a Redis that is killed', async () => {
  using metrics = exported();
  await using server = await redis();
  await using shop = await openShop({ redis: server.url, stageTimeout: '500ms', worker: false });
  await shop.make(3);
  await shop.service.drain({ until: 'written' });
  const quiet = await metrics.scrape();
  expect(firing(samplesOf(quiet, quiet), shop.namespace)).toEqual([]);
  await shop.service.increment(Product, '00000000-0000-4000-8000-000000000000', { views: 1 });
  await shop.service.drain({ until: 'written' });
  expect(firing(samplesOf(await metrics.scrape()), shop.namespace)).toEqual(['SpillwayDeadLetters']);
  await server.kill9();
  const down = samplesOf(await metrics.scrape());
  expect(firing(down, shop.namespace)).toEqual(['SpillwayDown', 'SpillwayProblem', 'SpillwayDeadLetters']);
  expect(problemsIn(down, shop.namespace)).toEqual(['staging-silent']);
  await server.restart();
  await eventually(async () => {
    const again = samplesOf(await metrics.scrape());
    expect(firing(again, shop.namespace)).toEqual(['SpillwayDeadLetters']);
    expect(problemsIn(again, shop.namespace)).toEqual([]);
  });
});

test('each alert says what has happened, and leads to a section of the page on telemetry', () => {
  for (const { alert, annotations, labels } of alertRules()) {
    expect(annotations.summary).toMatch(/\{\{|No process/);
    expect(annotations.description).toMatch(/\.$/);
    expect(annotations.runbook_url).toMatch(new RegExp(`/docs/telemetry\\.md#${alert.toLowerCase()}$`));
    expect(['critical', 'warning', 'info']).toContain(labels.severity);
  }
});

describe.skipIf(!hasPromtool())('by the tool of Prometheus', () => {
  test('the rules are valid', () => {
    expect(promtool(['check', 'rules', alertFile])).toContain(`${alertRules().length} rules found`);
  });

  test('each state of an engine fires after ten minutes what the tests here find', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-alerts-'));
    const cases: object[] = [];
    for (const [name, trouble, expected, events = []] of states) {
      using metrics = exported();
      let now: Trouble = { status: { forcedDrains: { 'Product.find': 0 } } };
      using engine = troubled('shop', () => now);
      for (const event of events) engine.tell(event);
      const before = await metrics.scrape();
      now = trouble;
      for (const event of events) engine.tell(event);
      cases.push(ruleTest(name, samplesOf(await metrics.scrape(), before), expected));
    }
    const file = join(folder, 'states.yml');
    writeFileSync(file, stringify({ rule_files: [alertFile], evaluation_interval: '1m', tests: cases }));
    expect(promtool(['test', 'rules', file])).toContain('SUCCESS');
    rmSync(folder, { recursive: true });
  });
});

/** What is counted goes on as from the first scrape to the second; what is measured stays as in the second. */
function ruleTest(name: string, samples: readonly Sample[], expected: readonly string[]): object {
  const isTotal = (sample: Sample): boolean => sample.name.endsWith('_total');
  return {
    name,
    interval: '1m',
    input_series: samples.map((sample) => {
      const labels = Object.entries(sample.labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
      const step = isTotal(sample) ? sample.value - (sample.before ?? sample.value) : 0;
      const first = isTotal(sample) ? (sample.before ?? sample.value) : sample.value;
      return { series: `${sample.name}{${labels.join(',')}}`, values: `${first}+${step}x30` };
    }),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"}) > 0',
        eval_time: '30m',
        exp_samples: expected.map((alertname) => ({ labels: `{alertname=${JSON.stringify(alertname)}}`, value: 1 })),
      },
    ],
  };
}
