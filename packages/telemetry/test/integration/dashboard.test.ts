import { METRICS, prometheusName, prometheusText } from '@spillway/telemetry';
import type { SpillwayEvent } from '@spillway/core';
import { describe, expect, test } from 'vitest';
import { alertRules, asGrafanaSendsIt, dashboardPanels } from '../promql/files.js';
import { hasPromtool, promtool } from '../promql/promtool.js';
import { samplesOf, type Sample } from '../promql/samples.js';
import { matches, matchersOf, nodesOf, parsed } from '../promql/tree.js';
import { exported, troubled } from './exported.js';
import { openShop, Product } from './shop.js';

/** Events of which a test cannot make the cause. */
const RARE: readonly SpillwayEvent[] = [
  { type: 'retry', shards: [0], reason: 'restart', error: undefined },
  { type: 'overflow', reason: 'full' },
  { type: 'lagging', reason: 'timeout' },
  { type: 'sink-down', state: 'unreachable', error: undefined },
  { type: 'paused', cause: 'configuration', shards: [0], error: undefined },
  { type: 'staging-loss', shard: 0, forgot: 'staging', parked: 0, doubtful: 0 },
];

/** Has a shop do everything that a metric measures. */
async function everything(scrape: (orm: Parameters<typeof prometheusText>[0]) => Promise<string>): Promise<string> {
  await using shop = await openShop({ worker: false, defaults: { onFull: 'reject' } });
  await scrape(shop.orm);
  await shop.make(3);
  await shop.orm.em.fork().count(Product);
  await shop.service.increment(Product, '00000000-0000-4000-8000-000000000000', { views: 1 });
  await shop.service.drain({ until: 'written' });
  await expect(shop.make(1_001)).rejects.toMatchObject({ code: 'STAGING_FULL' });
  using engine = troubled(shop.namespace, () => ({ health: { status: 'down', states: ['overdue'] } }));
  for (const event of RARE) engine.tell(event);
  return await scrape(shop.orm);
}

/** The queries of the dashboard and of the alerts, by where they are. */
const queries: readonly (readonly [string, string])[] = [
  ...dashboardPanels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [`panel ${title}`, asGrafanaSendsIt(expr)] as const),
  ),
  ...alertRules().map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
];

/** Selectors of which no sample has the name and all labels, and labels by which nothing can be grouped. */
function missing(samples: readonly Sample[]): readonly string[] {
  return queries.flatMap(([place, query]) => {
    const tree = parsed(query);
    const grouped = nodesOf(tree, 'GroupingLabels').flatMap((node) => nodesOf(node, 'LabelName'));
    return nodesOf(tree, 'VectorSelector').flatMap((selector) => {
      const matchers = matchersOf(selector);
      const names = matchers.filter(({ label }) => label === '__name__');
      const others = matchers.filter(({ label }) => label !== '__name__').map(({ label }) => label);
      const found = samples.filter(({ name }) => names.every((matcher) => matches(name, matcher)));
      const lacks = [...others, ...grouped.map(({ text }) => text)].filter(
        (label) => !found.some(({ labels }) => label in labels),
      );
      return found.length > 0 && lacks.length === 0 ? [] : [`${place}: ${selector.text} lacks ${lacks.join()}`];
    });
  });
}

test('every metric and every label of a query is one that the exporter of OpenTelemetry shows', async () => {
  using metrics = exported();
  const text = await everything(async () => metrics.scrape());
  expect(queries.length).toBeGreaterThan(30);
  expect(missing(samplesOf(text))).toEqual([]);
});

test('every metric and every label of a query is one that the text for Prometheus has', async () => {
  const text = await everything(prometheusText);
  expect(missing(samplesOf(text))).toEqual([]);
});

test.skipIf(!hasPromtool())('the tool of Prometheus has nothing to say against the text', async () => {
  expect(promtool(['check', 'metrics'], await everything(prometheusText))).toBe('');
});

test('the shop of these tests has a sample of every metric', async () => {
  using metrics = exported();
  const names = new Set(samplesOf(await everything(async () => metrics.scrape())).map(({ name }) => name));
  const without = Object.entries(METRICS).filter(([name, { kind }]) => {
    // This exporter leaves out units.
    const own = prometheusName(name, { kind, unit: '' });
    return !names.has(kind === 'histogram' ? `${own}_count` : own);
  });
  expect(without.map(([name]) => name)).toEqual([]);
});

test('every metric is in a panel', () => {
  const text = queries.map(([, query]) => query).join('\n');
  const unseen = Object.keys(METRICS).filter((name) => !text.includes(name.replaceAll('.', '_')));
  // They are of the whole namespace from its beginning; panels show what flushes have coalesced instead.
  expect(unseen).toEqual(['spillway.accepted.changes', 'spillway.coalesced.changes', 'spillway.annihilated.changes']);
});

describe('the dashboard', () => {
  test('names in each legend only labels by which its query groups', () => {
    for (const { targets = [] } of dashboardPanels()) {
      for (const { expr, legendFormat } of targets) {
        const grouped = nodesOf(parsed(asGrafanaSendsIt(expr)), 'GroupingLabels').map(({ text }) => text);
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(grouped.join()).toContain(label);
      }
    }
  });

  test('has panels of two titles nowhere', () => {
    const titles = dashboardPanels().map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });
});
