import type { EntityManager } from '@mikro-orm/postgresql';
import { DeviceState } from './device-state.js';
import { Reading } from './reading.js';

export interface Report {
  readonly device: string;
  readonly at: Date;
  readonly temperature: number;
}

/** @throws TypeError that says what is wrong with it */
export function readReport(device: string, body: unknown): Report {
  const { at, temperature } = (body ?? {}) as { readonly at?: unknown; readonly temperature?: unknown };
  if (typeof temperature !== 'number' || !Number.isFinite(temperature))
    throw new TypeError('temperature must be a number, in degrees Celsius');
  const moment = at === undefined ? new Date() : new Date(typeof at === 'string' ? at : Number.NaN);
  if (Number.isNaN(moment.getTime())) throw new TypeError('at must be a moment, such as 2026-01-31T12:00:00Z');
  return { device, at: moment, temperature };
}

/**
 * Appends the reading and overwrites the state, in one flush. Nothing of it waits for PostgreSQL, but for the first
 * report of a device that nobody has heard of.
 */
export async function record(em: EntityManager, { device, at, temperature }: Report): Promise<void> {
  em.create(Reading, { device, at, temperature });
  const state = await em.findOne(DeviceState, device);
  if (!state) em.create(DeviceState, { device, temperature, seenAt: at, reports: 1 });
  else if (at >= state.seenAt) em.assign(state, { temperature, seenAt: at, reports: state.reports + 1 });
  else state.reports += 1;
  await em.flush();
}
