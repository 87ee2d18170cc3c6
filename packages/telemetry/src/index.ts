export { ATTRIBUTES, type AttributeName } from './metrics/attributes.js';
export type { MetricDefinition, MetricKind } from './metrics/definition.js';
export { METRICS, type MetricName } from './metrics/definitions.js';
export { PROMETHEUS_CONTENT_TYPE, prometheusText } from './prometheus/prometheus-text.js';
export { prometheusName } from './prometheus/exposition.js';
