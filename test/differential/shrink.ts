import type { Program, Step } from './steps.js';

/**
 * How often a smaller program may run without failing before it is taken to be right: a worker in the background makes
 * runs differ.
 */
const RUNS = 3;

/**
 * Leaves steps out for as long as the program still fails.
 *
 * @param fails runs a program
 * @param untilMs when to stop, by `performance.now()`
 */
export async function shrink(
  program: Program,
  fails: (smaller: Program) => Promise<boolean>,
  untilMs: number,
): Promise<Program> {
  let smallest = program;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    for (let run = 0; run < RUNS && performance.now() < untilMs; run++) {
      if (!(await fails({ ...program, steps }))) continue;
      smallest = { ...program, steps };
      return true;
    }
    return false;
  };
  for (let size = Math.ceil(program.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let begin = smallest.steps.length - size; begin > -size && performance.now() < untilMs; begin -= size) {
      const from = Math.max(0, begin);
      await attempt(smallest.steps.toSpliced(from, size));
    }
  }
  for (let index = 0; index < smallest.steps.length && performance.now() < untilMs; index++) {
    for (const simpler of simplerThan(smallest.steps[index] as Step)) {
      if (await attempt(smallest.steps.with(index, simpler))) index -= 1;
      break;
    }
  }
  return smallest;
}

/** The same step with less in it: a transaction with fewer acts, a change of fewer properties. */
function* simplerThan(step: Step): Generator<Step> {
  const { act } = step;
  if (act.do === 'transaction' && act.acts.length > 1)
    for (const index of act.acts.keys()) yield { ...step, act: { ...act, acts: act.acts.toSpliced(index, 1) } };
  if (act.do === 'assign' || act.do === 'create')
    for (const name of Object.keys(act.values)) {
      const { [name]: _, ...values } = act.values;
      if (Object.keys(values).length > 0 || act.do === 'create') yield { ...step, act: { ...act, values } };
    }
}
