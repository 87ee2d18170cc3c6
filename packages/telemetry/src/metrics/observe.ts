import type { Health, SpillwayStatus, TelemetrySource } from '@spillway/core';
import type { AttributeName, Attributes } from './attributes.js';
import type { ObservedName } from './observed.js';

/** The value of one metric, as it is now. */
export interface Observation {
  readonly metric: ObservedName;
  readonly value: number;
  readonly attributes: Attributes;
}

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
  yield* byName('spillway.health.problems', 'spillway.problem', Object.fromEntries(states.map((state) => [state, 1])));
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
