import { setTimeout as pause } from 'node:timers/promises';
import type { Role } from '../processes/child.js';
import type { Fleet } from '../processes/fleet.js';
import type { Progress } from './progress.js';

const staff: readonly Role[] = ['worker', 'worker', 'application', 'application'];

/** Starts the processes of the shop and waits until they are ready. */
export async function startStaff(fleet: Fleet, progress: Progress): Promise<void> {
  const children = staff.map((role) => fleet.start(role));
  await Promise.all(children.map((child) => child.ready()));
  progress.say(`Running ${children.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ')}.`);
}

/** When, in shares of the time that the shop is open, which process is killed. */
const accidents = [
  { at: 0.35, role: 'worker' },
  { at: 0.65, role: 'application' },
] as const;

/** Keeps the shop open, kills one worker and one application on the way, and replaces them. */
export async function openingHours(
  seconds: number,
  fleet: Fleet,
  progress: Progress,
  stop: AbortSignal,
): Promise<{ readonly openMs: number; readonly killed: readonly string[] }> {
  const opened = performance.now();
  const at = (share: number): Promise<void> => wait(opened + share * seconds * 1_000 - performance.now(), stop);
  const killed: string[] = [];

  for (const accident of accidents) {
    await at(accident.at);
    if (stop.aborted) break;
    const { victim, successor } = await fleet.replace(accident.role);
    killed.push(victim.name);
    progress.say(`kill -9 ${victim.name} (pid ${victim.pid}); started ${successor.name} (pid ${successor.pid}).`);
  }
  await at(1);
  return { openMs: performance.now() - opened, killed };
}

/** Until the time is over or the shop is told to close. */
async function wait(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await pause(Math.max(0, ms), undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
