import type { MetricDefinition } from './definition.js';

/** A metric that is counted. */
export type CounterName =
  | 'spillway.staged.changes'
  | 'spillway.refused.changes'
  | 'spillway.flushed.records'
  | 'spillway.flushed.changes'
  | 'spillway.conflicts'
  | 'spillway.dead_letters.made'
  | 'spillway.retries'
  | 'spillway.overflows'
  | 'spillway.lags'
  | 'spillway.outages'
  | 'spillway.pauses'
  | 'spillway.losses';

/** What is counted at each event. */
export const COUNTERS: Readonly<Record<CounterName, MetricDefinition>> = {
  'spillway.staged.changes': {
    kind: 'counter',
    unit: '{change}',
    description: 'Changes that this process has staged or holds; those of one row in one call count once.',
    attributes: ['spillway.entity'],
  },
  'spillway.refused.changes': {
    kind: 'counter',
    unit: '{change}',
    description: 'Changes of this process that were not staged, because the staging store has refused them.',
    attributes: ['spillway.reason'],
  },
  'spillway.flushed.records': {
    kind: 'counter',
    unit: '{record}',
    description: 'Records that flushes of this process have ended.',
    attributes: ['spillway.entity', 'spillway.outcome'],
  },
  'spillway.flushed.changes': {
    kind: 'counter',
    unit: '{change}',
    description: 'Changes that were coalesced into the records that flushes of this process have written.',
    attributes: ['spillway.entity'],
  },
  'spillway.conflicts': {
    kind: 'counter',
    unit: '{conflict}',
    description: 'Rows that were not as a record expected, by who has won: `database`, or `nobody`.',
    attributes: ['spillway.entity', 'spillway.outcome'],
  },
  'spillway.dead_letters.made': {
    kind: 'counter',
    unit: '{record}',
    description: 'Records that became dead letters in flushes of this process.',
    attributes: ['spillway.entity', 'spillway.code'],
  },
  'spillway.retries': {
    kind: 'counter',
    unit: '{retry}',
    description: 'Failures after which this process tries again, without end.',
    attributes: ['spillway.reason'],
  },
  'spillway.overflows': {
    kind: 'counter',
    unit: '{flush}',
    description: 'Flushes of MikroORM that were written by SQL, because the staging store is full or away.',
    attributes: ['spillway.reason'],
  },
  'spillway.lags': {
    kind: 'counter',
    unit: '{query}',
    description: 'Queries and statements that went on, although earlier changes were not in the database.',
    attributes: ['spillway.reason'],
  },
  'spillway.outages': {
    kind: 'counter',
    unit: '{outage}',
    description: 'How often Redis or PostgreSQL became unusable for flushes of this process.',
    attributes: ['db.system.name'],
  },
  'spillway.pauses': {
    kind: 'counter',
    unit: '{pause}',
    description: 'How often writing has stopped until a person acts, by cause: `configuration` or `table`.',
    attributes: ['spillway.reason'],
  },
  'spillway.losses': {
    kind: 'counter',
    unit: '{shard}',
    description: 'Shards of which Redis or PostgreSQL has forgotten something.',
    attributes: ['db.system.name'],
  },
};
