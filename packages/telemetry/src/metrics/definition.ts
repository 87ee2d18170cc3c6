import type { AttributeName } from './attributes.js';

/**
 * How a metric is measured.
 * - `counter`, `histogram`: at each event, from the channels of Spillway
 * - `gauge`, `total`: when it is read, from `status()` and `health()`. A total only rises
 */
export type MetricKind = 'counter' | 'histogram' | 'gauge' | 'total';

export interface MetricDefinition {
  readonly kind: MetricKind;
  /** A unit by UCUM: `s`, or an annotation such as `{record}`. */
  readonly unit: string;
  readonly description: string;
  /** Its attributes besides `spillway.namespace`. */
  readonly attributes: readonly AttributeName[];
  /** It is of the whole namespace, so all processes answer the same: take the maximum, not the sum. */
  readonly isShared?: true;
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[];
}
