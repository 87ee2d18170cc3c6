import { METRICS, prometheusName, prometheusText, type MetricName } from '@spillway/telemetry';
import parse from 'parse-prometheus-text-format';
import { expect, test } from 'vitest';
import { openShop, Product } from './shop.js';

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly metrics: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value?: string }[];
}

const read = (text: string): ReadonlyMap<string, Family> =>
  new Map((parse(text) as Family[]).map((family) => [family.name, family]));

test('a parser of the format reads every metric, with its help, its type and its labels', async () => {
  await using shop = await openShop({ worker: false });
  await prometheusText(shop.orm);
  await shop.make(3);
  await shop.service.increment(Product, '00000000-0000-4000-8000-000000000000', { views: 1 });
  await shop.service.drain({ until: 'written' });
  const text = await prometheusText(shop.orm);
  const families = read(text);
  const own = { spillway_namespace: shop.namespace };
  expect(families.get('spillway_staged_changes_total')).toEqual({
    name: 'spillway_staged_changes_total',
    help: METRICS['spillway.staged.changes'].description,
    type: 'COUNTER',
    metrics: [{ labels: { ...own, spillway_entity: 'Product' }, value: '4' }],
  });
  expect(families.get('spillway_record_age_seconds')?.type).toBe('HISTOGRAM');
  expect(text).toContain(
    `spillway_record_age_seconds_count{spillway_namespace="${shop.namespace}",spillway_entity="Product"} 3\n`,
  );
  expect(families.get('spillway_dead_letters_kept')?.metrics).toEqual([{ labels: own, value: '1' }]);
  expect(families.get('spillway_pending_records')?.type).toBe('GAUGE');
  const known = new Set(Object.entries(METRICS).map(([name, metric]) => prometheusName(name as MetricName, metric)));
  expect([...families.keys()].filter((name) => !known.has(name))).toEqual([]);
});

test('two ORMs are in one text, told apart by their namespaces, and another one is not', async () => {
  await using one = await openShop({ worker: false });
  await using two = await openShop({ worker: false });
  await using other = await openShop({ worker: false });
  for (const shop of [one, two, other]) await shop.make(1);
  const families = read(await prometheusText([one.orm, two.orm]));
  const namespaces = families
    .get('spillway_staged_changes_total')
    ?.metrics.map((metric) => metric.labels?.['spillway_namespace']);
  expect(namespaces?.toSorted()).toEqual([one.namespace, two.namespace].toSorted());
});

test('what does not answer is left out', async () => {
  const shop = await openShop({ worker: false });
  await prometheusText(shop.orm);
  await shop.make(1);
  await shop.service.stop();
  const families = read(await prometheusText(shop.orm));
  expect(families.has('spillway_pending_records')).toBe(false);
  expect(families.has('spillway_staged_changes_total')).toBe(true);
  const statuses = families.get('spillway_health_status')?.metrics;
  expect(statuses?.find(({ labels }) => labels?.['spillway_status'] === 'down')?.value).toBe('1');
  await shop[Symbol.asyncDispose]();
});
