import type { Crew, Role } from '../processes/crew.js';
import type { Progress } from '../screen/progress.js';
import { wait } from './wait.js';

/** When, as a share of the time that the shop is open, a process of which role is killed, or what else happens. */
export type Accident = { readonly at: number } & (
  | { readonly role: Role }
  /** Answers what was killed, and how that is said. */
  | { readonly strike: () => { readonly name: string; readonly said: string } }
);

/** Keeps the shop open. Each accident on the way kills a process, which is replaced. Answers which were killed. */
export async function openingHours(
  seconds: number,
  crew: Crew,
  accidents: readonly Accident[],
  progress: Progress,
  stop: AbortSignal,
): Promise<readonly string[]> {
  const opened = performance.now();
  const at = (share: number): Promise<void> => wait(opened + share * seconds * 1_000 - performance.now(), stop);
  const killed: string[] = [];

  for (const accident of accidents) {
    await at(accident.at);
    if (stop.aborted) break;
    if ('strike' in accident) {
      const { name, said } = accident.strike();
      killed.push(name);
      progress.say(said);
      continue;
    }
    const { victim, successor } = await crew.replace(accident.role);
    killed.push(victim.name);
    progress.say(`kill -9 ${victim.name} (pid ${victim.pid}); started ${successor.name} (pid ${successor.pid}).`);
  }
  await at(1);
  return killed;
}
