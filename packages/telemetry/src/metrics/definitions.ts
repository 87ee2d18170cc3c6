import { COUNTERS, type CounterName } from './counters.js';
import type { MetricDefinition } from './definition.js';
import { HISTOGRAMS, type HistogramName } from './histograms.js';
import { OBSERVED, type ObservedName } from './observed.js';

export type MetricName = CounterName | HistogramName | ObservedName;

/** Every metric of Spillway. The instruments, the Prometheus text and the documentation are made of this list. */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = { ...HISTOGRAMS, ...COUNTERS, ...OBSERVED };

/** All metrics with their definitions, in the order of the list. */
export function allMetrics(): readonly (readonly [MetricName, MetricDefinition])[] {
  return Object.entries(METRICS) as [MetricName, MetricDefinition][];
}
