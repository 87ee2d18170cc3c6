#!/usr/bin/env bash
# @opentelemetry/sdk-metrics 3.1.0: an observable gauge whose callback observes nothing any more keeps its last value in
# every later collection, with a fresh end time. A value per state ("full", "down") therefore stays for ever: whoever
# watches one has to observe 0 for what has ended. Cumulative temporality, which Prometheus needs.
# Needs npm. Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @opentelemetry/api@1.10.0 @opentelemetry/sdk-metrics@3.1.0
cat >show.cjs <<'JS'
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
(async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  let isDown = true;
  provider.getMeter('shop').createObservableGauge('down').addCallback((result) => {
    if (isDown) result.observe(1, { server: 'one' });
  });
  const collected = async () => {
    const { resourceMetrics } = await reader.collect();
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(({ dataPoints }) => dataPoints));
  };
  const [first] = await collected();
  isDown = false;
  const [later] = await collected();
  console.log(`observed: ${first.value}; collected after the callback has observed nothing: ${later?.value}`);
  process.exitCode = first.value === 1 && later?.value === 1 ? 0 : 1;
  await provider.shutdown();
})();
JS
node show.cjs
