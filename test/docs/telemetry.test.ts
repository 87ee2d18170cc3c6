import { readFileSync } from 'node:fs';
import { ATTRIBUTES, METRICS } from '@spillway/telemetry';
import { expect, test } from 'vitest';
import { codesIn, document, root, tableBelow } from './markdown.js';

const page = document('docs/telemetry.md');

test('the table of metrics is that of the package, word for word', () => {
  const expected = Object.entries(METRICS).map(([name, { kind, unit, attributes, isShared, description }]) => [
    `\`${name}\``,
    `${kind === 'total' ? 'counter' : kind}, \`${unit}\``,
    attributes.length === 0 ? 'none' : attributes.map((attribute) => `\`${attribute}\``).join(', '),
    isShared ? 'namespace' : 'process',
    description,
  ]);
  expect(tableBelow(page, 'Metrics')).toEqual(expected);
});

test('the table of attributes is that of the package, word for word', () => {
  const rows = tableBelow(page, 'Attributes').filter(([name = '']) => (codesIn(name)[0] ?? '') in ATTRIBUTES);
  expect(rows).toEqual(Object.entries(ATTRIBUTES).map(([name, meaning]) => [`\`${name}\``, meaning]));
});

test('the tables of spans and of channels name each one of the code', () => {
  const spans = readFileSync(`${root}packages/telemetry/src/opentelemetry/spans.ts`, 'utf8');
  const started = [...spans.matchAll(/startSpan\(\s*'([^']+)'/g)].map(([, name]) => name);
  expect(started.length).toBe(3);
  expect(tableBelow(page, 'Spans').map(([name = '']) => codesIn(name)[0])).toEqual(started.toSorted(bySpan));
  const channels = readFileSync(`${root}packages/core/src/observability/channels.ts`, 'utf8');
  const published = [...channels.matchAll(/= (c|tracingC)hannel\('([^']+)'\)/g)].map(([, kind, name]) =>
    kind === 'c' ? name : `tracing:${name}:*`,
  );
  expect(published.length).toBe(6);
  expect(tableBelow(page, 'Channels').map(([name = '']) => codesIn(name)[0])).toEqual(published);
});

const ORDER = ['spillway stage', 'spillway drain', 'spillway flush'];

function bySpan(one = '', other = ''): number {
  return ORDER.indexOf(one) - ORDER.indexOf(other);
}

test('each alert has a section that says what to do', () => {
  const rules = readFileSync(`${root}packages/telemetry/prometheus/alerts.yml`, 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const sections = [...page.text.matchAll(/^### (Spillway\w+)$/gm)].map(([, name]) => name);
  expect(alerts.length).toBeGreaterThan(5);
  expect(sections).toEqual(alerts);
});
