import type { Health, HealthState, SpillwayStatus, TelemetrySource } from '@spillway/core';
import type { AttributeName, Attributes } from './attributes.js';
import type { ObservedName } from './observed.js';

/** The value of one metric, as it is now. */
export interface Observation {
  readonly metric: ObservedName;
  readonly value: number;
  readonly attributes: Attributes;
}

/** An SDK goes on to export a value that is not observed any more, so a problem that is solved has to become 0. */
const NO_PROBLEMS: Readonly<Record<HealthState, 0>> = {
  'database-unreachable': 0,
  'database-refusing': 0,
  'database-starting': 0,
  'database-stopping': 0,
  'database-too-many-connections': 0,
  'database-disk-full': 0,
  'database-out-of-memory': 0,
  'database-read-only': 0,
  'staging-silent': 0,
  'staging-full': 0,
  'staging-refusing': 0,
  'queue-full': 0,
  'table-paused': 0,
  configuration: 0,
  overdue: 0,
  'data-loss': 0,
  unknown: 0,
};

/** Asks a source for everything that is measured when it is read. Never rejects: what does not answer is left out. */
export async function observe(source: TelemetrySource): Promise<readonly Observation[]> {
  const [status, health] = await Promise.allSettled([source.status(), source.health()]);
  const found = [
    ...(status.status === 'fulfilled' ? ofStatus(status.value, source.limits()) : []),
    ...(health.status === 'fulfilled' ? ofHealth(health.value) : []),
  ];
  const { namespace } = source;
  return found.map(({ attributes, ...rest }) => ({
    ...rest,
    attributes: { 'spillway.namespace': namespace, ...attributes },
  }));
}

function* ofStatus(status: SpillwayStatus, limits: Readonly<Record<string, number>>): Generator<Observation> {
  const { pending } = status;
  yield* byName('spillway.pending.records', 'spillway.entity', { ...zeros(limits), ...pending });
  const room = Object.entries(limits).map(([entity, limit]) => [entity, Math.max(0, limit - (pending[entity] ?? 0))]);
  yield* byName('spillway.room.records', 'spillway.entity', Object.fromEntries(room) as Record<string, number>);
  yield* byName('spillway.forced_drains', 'spillway.caller', status.forcedDrains);
  for (const [entity, ways] of Object.entries(status.writes)) {
    for (const { attributes, ...write } of byName('spillway.writes', 'spillway.way', ways)) {
      yield { ...write, attributes: { 'spillway.entity': entity, ...attributes } };
    }
  }
  const plain: readonly (readonly [ObservedName, number])[] = [
    ['spillway.in_flight.records', status.inFlight],
    ['spillway.held.changes', status.held],
    ['spillway.oldest.age', (status.oldestMs ?? 0) / 1_000],
    ['spillway.dead_letters.kept', status.dead],
    ['spillway.dead_letters.dropped', status.deadDropped],
    ['spillway.accepted.changes', status.staged],
    ['spillway.coalesced.changes', status.coalesced],
    ['spillway.annihilated.changes', status.annihilated],
  ];
  for (const [metric, value] of plain) yield { metric, value, attributes: {} };
}

function* ofHealth({ status, states }: Health): Generator<Observation> {
  const statuses = { up: 0, degraded: 0, down: 0, [status]: 1 };
  yield* byName('spillway.health.status', 'spillway.status', statuses);
  const problems = { ...NO_PROBLEMS, ...Object.fromEntries(states.map((state) => [state, 1])) };
  yield* byName('spillway.health.problems', 'spillway.problem', problems);
}

function* byName(
  metric: ObservedName,
  attribute: AttributeName,
  values: Readonly<Partial<Record<string, number>>>,
): Generator<Observation> {
  for (const [name, value = 0] of Object.entries(values)) yield { metric, value, attributes: { [attribute]: name } };
}

function zeros(limits: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.keys(limits).map((entity) => [entity, 0]));
}
