import type { MetricDefinition } from './definition.js';

const CALL_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const AGE_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** A metric of which each value falls into a bucket. */
export type HistogramName =
  | 'spillway.stage.duration'
  | 'spillway.flush.duration'
  | 'spillway.flush.size'
  | 'spillway.record.age'
  | 'spillway.drain.duration';

/** What is measured at each event, in buckets. */
export const HISTOGRAMS: Readonly<Record<HistogramName, MetricDefinition>> = {
  'spillway.stage.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of staging the changes of one flush of MikroORM, or of one call past it.',
    attributes: ['spillway.outcome', 'error.type'],
    buckets: CALL_SECONDS,
  },
  'spillway.flush.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of one flush to PostgreSQL, from the claim to the acknowledgement.',
    attributes: ['spillway.outcome', 'error.type'],
    buckets: CALL_SECONDS,
  },
  'spillway.flush.size': {
    kind: 'histogram',
    unit: '{record}',
    description: 'Records of one flush that has written something.',
    attributes: [],
    buckets: SIZES,
  },
  'spillway.record.age': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from the first change of a record until it is written.',
    attributes: ['spillway.entity'],
    buckets: AGE_SECONDS,
  },
  'spillway.drain.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of a drain: a query or a call waits until pending changes are written.',
    attributes: ['spillway.outcome', 'error.type'],
    buckets: CALL_SECONDS,
  },
};
