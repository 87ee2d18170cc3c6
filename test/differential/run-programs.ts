import { generate } from './generate.js';
import { Lane } from './lane.js';
import { PACES, type Host, type Pace } from './open-orm.js';
import { print, printStep } from './print.js';
import type { Failure } from './run.js';
import { shrink } from './shrink.js';
import type { Program, Step } from './steps.js';

export interface RunOptions {
  /** The first seed; the others follow it. */
  readonly from: number;
  readonly programs: number;
  /** @defaultValue `'server'` */
  readonly host?: Host;
  readonly shrinking?: boolean;
  readonly stopAtFirst?: boolean;
  /** Is told how far it is, now and then. */
  readonly report?: (line: string) => void;
}

export interface Outcome {
  readonly failures: readonly string[];
  readonly summary: string;
}

const SHRINK_MS = 60_000;
/** Far longer than any program takes, also on a busy machine. */
const LONG_MS = 120_000;

/** Runs the programs of a range of seeds, each on the lane whose pace its seed picks, lanes side by side. */
export async function runPrograms(options: RunOptions): Promise<Outcome> {
  const { from, programs, host = 'server', stopAtFirst = true, report = () => {} } = options;
  let begin = performance.now();
  const failures: string[] = [];
  let [done, steps, left, voids] = [0, 0, 0, 0];
  const tasks = PACES.flatMap((pace, position) => {
    const all = Array.from({ length: programs }, (_, index) => from + index);
    const seeds = all.filter((seed) => seed % PACES.length === position);
    return seeds.length > 0 ? [{ pace, seeds }] : [];
  });
  const lanes = await openLanes(
    tasks.map(({ pace }) => pace),
    host,
  );
  // What it takes to start the processes is told apart from what a program takes.
  const opened = performance.now() - begin;
  begin = performance.now();
  await Promise.all(
    tasks.map(async ({ pace, seeds }, position) => {
      let lane = lanes[position] as Lane;
      for (const seed of seeds) {
        if (stopAtFirst && failures.length > 0) break;
        const program = generate(seed);
        const result = await watched(program, lane.run(program), report);
        done += 1;
        steps += result.steps;
        left += result.left;
        voids += result.isVoid ? 1 : 0;
        if (result.failure) {
          failures.push(await explain(program, result.failure, lane, options, pace));
          report(`\n${failures.at(-1)}\n`);
        }
        if (!lane.isTidy) {
          await lane[Symbol.asyncDispose]();
          lane = await Lane.open(pace, host);
        }
        if (done % 1_000 === 0) report(`${done} programs, ${failures.length} failed, ${perProgram(begin, done)}`);
      }
      await lane[Symbol.asyncDispose]();
    }),
  );
  const summary = `${done} programs of ${steps} steps, ${left} of them left out, ${voids} given up on a slow machine, ${failures.length} failed, ${perProgram(begin, done)}, after ${(opened / 1000).toFixed(1)} s to start.`;
  return { failures, summary };
}

/** A program that does not end keeps its lane for ever, so the report says which one it is. */
async function watched<T>(program: Program, running: Promise<T>, report: (line: string) => void): Promise<T> {
  const timer = setTimeout(() => {
    report(`\nProgram ${program.seed} has not ended after ${LONG_MS / 1_000} s:\n${print(program)}\n`);
  }, LONG_MS);
  return running.finally(() => clearTimeout(timer));
}

/**
 * A PGlite that begins holds its process up for seconds, and with it whoever is waiting for Redis: so those begin one
 * after the other.
 */
async function openLanes(paces: readonly Pace[], host: Host): Promise<Lane[]> {
  if (host === 'server') return Promise.all(paces.map(async (pace) => Lane.open(pace, host)));
  const lanes: Lane[] = [];
  for (const pace of paces) lanes.push(await Lane.open(pace, host));
  return lanes;
}

async function explain(
  program: Program,
  failure: Failure,
  lane: Lane,
  { shrinking = true }: RunOptions,
  pace: string,
): Promise<string> {
  const seen = { program, failure };
  if (shrinking)
    await shrink(
      program,
      async (smaller) => {
        const again = await lane.run(smaller);
        if (again.failure) Object.assign(seen, { program: smaller, failure: again.failure });
        return again.failure !== undefined;
      },
      performance.now() + SHRINK_MS,
    );
  const { step, what } = seen.failure;
  const where =
    step === undefined ? 'In the end' : `At step ${printStep(seen.program.steps[step] as Step, step).trimStart()}`;
  return [
    `Program ${program.seed} (worker: ${pace}) fails. Again: npm run differential -- --seed ${program.seed}`,
    print(seen.program),
    `${where}:`,
    ...what.map((line) => `  ${line}`),
  ].join('\n');
}

function perProgram(begin: number, done: number): string {
  return `${((performance.now() - begin) / Math.max(1, done)).toFixed(1)} ms each`;
}
