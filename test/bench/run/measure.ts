import { resolve } from 'node:path';
import type { Measurement } from '../plan/measurement.js';
import type { Plan } from '../plan/arguments.js';
import type { Progress } from '../report/progress.js';
import type { Readings } from '../process/side.js';
import { startSide, type RunningSide } from '../process/start-side.js';
import { resultOf, type Result } from '../report/results.js';
import type { Place, Places } from './places.js';

export interface Bench {
  readonly plan: Plan;
  readonly places: Places;
  readonly redisUrl: string;
  /** The folder of the package that is measured, and of the older one. */
  readonly packages: { readonly own: string; readonly older?: string };
  readonly progress: Progress;
}

interface Contender {
  readonly side: string;
  readonly isOlder: boolean;
  readonly running: RunningSide;
  readonly place: Place;
  readonly rounds: Readings[];
}

/**
 * All sides of a measurement, in one round after the other: what slows the machine down for a while slows all of them.
 * The first round of each side is a warm-up and does not count. In the end each side proves that all is written.
 * @throws Error of a side that fails, or whose rows are not exact
 */
export async function measure(measurement: Measurement, bench: Bench): Promise<Result> {
  const { plan, progress } = bench;
  const contenders: Contender[] = [];
  const show = (what: string, { side, isOlder }: Pick<Contender, 'side' | 'isOlder'>): void =>
    progress.show(`${measurement.id}: ${side}${isOlder ? ' (older build)' : ''}, ${what}`);
  try {
    progress.show(`${measurement.id}: begins`);
    // Opening is not measured, so the sides may open side by side.
    const opened = sidesOf(measurement, bench).map(async ({ side, isOlder }) =>
      begin(measurement, side, isOlder, bench),
    );
    for (const outcome of await Promise.allSettled(opened))
      if (outcome.status === 'fulfilled') contenders.push(outcome.value);
    await Promise.all(opened);
    for (let round = 0; round <= plan.rounds; round += 1) {
      for (const contender of turned(contenders, round)) {
        show(round === 0 ? 'warm-up' : `round ${round} of ${plan.rounds}`, contender);
        const readings = await contender.running.round(round);
        if (round > 0) contender.rounds.push(readings);
      }
    }
    for (const contender of contenders) {
      show('is every row exact?', contender);
      await contender.running.check();
    }
  } finally {
    for (const { running, place } of contenders) {
      await running.close();
      await place.clear();
    }
    progress.clear();
  }
  const sides = contenders.map(({ side, isOlder, rounds }) => ({ side, isOlder, figures: figuresOf(rounds) }));
  return resultOf(measurement, sides);
}

/** An older twin runs right beside its side. */
function sidesOf(
  { sides, fullSides = [] }: Measurement,
  { plan, packages }: Bench,
): readonly Pick<Contender, 'side' | 'isOlder'>[] {
  return Object.entries(sides)
    .filter(([side]) => plan.isFull || !fullSides.includes(side))
    .flatMap(([side, kind]) => [
      { side, isOlder: false },
      ...(kind === 'ours' && packages.older !== undefined ? [{ side, isOlder: true }] : []),
    ]);
}

async function begin(
  { id, file: measurement }: Measurement,
  side: string,
  isOlder: boolean,
  { plan, places, redisUrl, packages }: Bench,
): Promise<Contender> {
  const place = await places.make();
  const { scale, seed, isFull, dataFolder, profileFolder } = plan;
  const { databaseUrl, namespace } = place;
  const ground = {
    redisUrl,
    databaseUrl,
    namespace,
    scale,
    seed,
    isFull,
    ...(dataFolder !== undefined && { dataFolder }),
  };
  try {
    const name = `${id} ${side}${isOlder ? ' (older build)' : ''}.cpuprofile`;
    const profile = profileFolder === undefined ? {} : { profileFile: resolve(profileFolder, name) };
    const running = await startSide(
      { measurement, side, ground, ...profile },
      (isOlder && packages.older) || packages.own,
    );
    return { side, isOlder, running, place, rounds: [] };
  } catch (error) {
    await place.clear();
    throw error;
  }
}

/** Each round begins with another side, so that none is always the first. */
function turned<Element>(all: readonly Element[], by: number): readonly Element[] {
  const first = by % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

function figuresOf(rounds: readonly Readings[]): Readonly<Record<string, readonly number[]>> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, rounds.map((readings) => readings[name] ?? Number.NaN)]));
}
