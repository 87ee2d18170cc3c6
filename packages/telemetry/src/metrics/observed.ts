import type { MetricDefinition } from './definition.js';

/** A metric that is measured when it is read. */
export type ObservedName =
  | 'spillway.writes'
  | 'spillway.forced_drains'
  | 'spillway.dead_letters.dropped'
  | 'spillway.accepted.changes'
  | 'spillway.coalesced.changes'
  | 'spillway.annihilated.changes'
  | 'spillway.pending.records'
  | 'spillway.room.records'
  | 'spillway.in_flight.records'
  | 'spillway.held.changes'
  | 'spillway.oldest.age'
  | 'spillway.dead_letters.kept'
  | 'spillway.health.status'
  | 'spillway.health.problems';

/** What is asked for when the metrics are read. */
export const OBSERVED: Readonly<Record<ObservedName, MetricDefinition>> = {
  'spillway.writes': {
    kind: 'total',
    unit: '{change}',
    description: 'Changes of write-behind entities by this process, by the way in which they were written.',
    attributes: ['spillway.entity', 'spillway.way'],
  },
  'spillway.forced_drains': {
    kind: 'total',
    unit: '{read}',
    description: 'Reads of this process that met pending changes and waited until they were written.',
    attributes: ['spillway.caller'],
  },
  'spillway.dead_letters.dropped': {
    kind: 'total',
    unit: '{record}',
    description: 'Dead letters that were dropped, because they were too many or too old.',
    attributes: [],
    isShared: true,
  },
  'spillway.accepted.changes': {
    kind: 'total',
    unit: '{change}',
    description: 'Changes that the staging store has accepted since its beginning.',
    attributes: [],
    isShared: true,
  },
  'spillway.coalesced.changes': {
    kind: 'total',
    unit: '{change}',
    description: 'Accepted changes that ended in a record which was there already.',
    attributes: [],
    isShared: true,
  },
  'spillway.annihilated.changes': {
    kind: 'total',
    unit: '{change}',
    description: 'Accepted changes that are never written, because an insert and its delete have met.',
    attributes: [],
    isShared: true,
  },
  'spillway.pending.records': {
    kind: 'gauge',
    unit: '{record}',
    description: 'Rows with changes that are not written.',
    attributes: ['spillway.entity'],
    isShared: true,
  },
  'spillway.room.records': {
    kind: 'gauge',
    unit: '{record}',
    description: 'How many more rows may be pending, before `maxPending` of the policy is reached.',
    attributes: ['spillway.entity'],
    isShared: true,
  },
  'spillway.in_flight.records': {
    kind: 'gauge',
    unit: '{record}',
    description: 'Records that were handed to a flush and are not acknowledged.',
    attributes: [],
    isShared: true,
  },
  'spillway.held.changes': {
    kind: 'gauge',
    unit: '{change}',
    description: 'Changes that transactions hold which have not ended.',
    attributes: [],
    isShared: true,
  },
  'spillway.oldest.age': {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the change that should be written before all others; 0 if nothing is pending.',
    attributes: [],
    isShared: true,
  },
  'spillway.dead_letters.kept': {
    kind: 'gauge',
    unit: '{record}',
    description: 'Dead letters that wait for a person.',
    attributes: [],
    isShared: true,
  },
  'spillway.health.status': {
    kind: 'gauge',
    unit: '{status}',
    description: '1 for the status that `health()` answers, and 0 for the others.',
    attributes: ['spillway.status'],
    isShared: true,
  },
  'spillway.health.problems': {
    kind: 'gauge',
    unit: '{problem}',
    description: '1 for each problem that `health()` names at present, and 0 for the others.',
    attributes: ['spillway.problem'],
    isShared: true,
  },
};
