import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { SpillwayInstrumentation } from '@spillway/telemetry/opentelemetry';
import { hasSubscribers } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const files = globSync('src/**/*.ts', { cwd: root }).map((path) => ({ path, text: readFileSync(root + path, 'utf8') }));

test('only the entry for OpenTelemetry imports its API, which is an optional peer', () => {
  const importing = files.filter(({ text }) => text.includes("'@opentelemetry/api'"));
  expect(importing.length).toBeGreaterThan(0);
  expect(importing.filter(({ path }) => !path.startsWith('src/opentelemetry/'))).toEqual([]);
});

test('the instrumentation is loaded without Spillway: it imports nothing but types of core', () => {
  const loading = files.filter(({ text }) =>
    /^(?:import|export) (?!type).*'@(?:spillway|mikro-orm)\/core'/m.test(text),
  );
  expect(loading.map(({ path }) => path)).toEqual(['src/prometheus/prometheus-text.ts']);
  const ofOpenTelemetry = files.filter(({ path }) => path.startsWith('src/opentelemetry/'));
  expect(ofOpenTelemetry.filter(({ text }) => text.includes('/prometheus/'))).toEqual([]);
});

test('the version that it tells is that of the package', () => {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly version: string };
  expect(VERSION).toBe(version);
});

test('registerInstrumentations() takes it, enables it and disables it', () => {
  const instrumentation = new SpillwayInstrumentation();
  const unregister = registerInstrumentations({
    instrumentations: [instrumentation],
    meterProvider: new MeterProvider(),
  });
  expect(hasSubscribers('spillway:event')).toBe(true);
  unregister();
  expect(hasSubscribers('spillway:event')).toBe(false);
});

test('with enabled: false it never begins, until its configuration says otherwise', () => {
  const instrumentation = new SpillwayInstrumentation({ enabled: false });
  instrumentation.enable();
  expect(hasSubscribers('spillway:event')).toBe(false);
  instrumentation.setConfig({ enabled: true });
  instrumentation.enable();
  expect(hasSubscribers('spillway:event')).toBe(true);
  instrumentation.disable();
});
