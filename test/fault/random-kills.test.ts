import { eventually, sized } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { breakGround } from './support/ground.js';
import { compare } from './support/compare.js';
import { doneIn } from './support/journal.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const KILLS = sized({ short: 8, long: 50 });
/** Between two kills so many units of work are acknowledged, at most. */
const MOST_WORK = 60;
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);

/** One of the processes that run at a time. When it is killed, another one takes its place. */
interface Post {
  readonly start: () => Program;
  program: Program;
}

test(`kill -9 at ${KILLS} random moments loses nothing and writes nothing twice (SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  const random = randomOf(SEED);
  const applications: Program[] = [];
  const startApplication = (worker: boolean) => (): Program => {
    const name = `app ${applications.length}`;
    const program = programs.application({ ...ground.place, name, seed: below(random, 1e6), lanes: 3, worker });
    applications.push(program);
    return program;
  };
  const startWorker = (): Program => programs.worker(ground.place);
  const posts = [startApplication(false), startApplication(true), startWorker, startWorker].map((start): Post => ({
    start,
    program: start(),
  }));

  for (let kill = 0; kill < KILLS; kill++) {
    const post = posts[below(random, posts.length)] as Post;
    await post.program.ready();
    await workDone(posts, applications, below(random, MOST_WORK));
    await post.program.kill9();
    post.program = post.start();
  }

  const [first, second, ...workers] = posts.map(({ program }) => program);
  for (const program of [first, second, ...workers]) {
    await program?.ready();
    program?.signal('SIGTERM');
    await program?.endsWith(0);
  }
  await ground.spillway.drain();
  await ground.settled();
  const journals = applications.map((program) => program.journal());
  const { acknowledged, wrong } = compare(journals, await ground.rows());
  expect({ wrong, seed: SEED }).toEqual({ wrong: [], seed: SEED });
  expect(acknowledged).toBeGreaterThan(KILLS);
  // Those who were not killed are in no doubt, so their rows are exactly what they were told.
  for (const program of [first, second])
    expect(compare([program?.journal() ?? []], { pages: [], items: [] }).doubtful).toBe(0);
}, 180_000);

/** Waits until so much more work has been acknowledged to any application. Nobody may end but by being killed. */
async function workDone(posts: readonly Post[], applications: readonly Program[], more: number): Promise<void> {
  const done = (): number => sum(applications.map((program) => doneIn(program.journal()).size));
  const goal = done() + more;
  const isOver = (): boolean => done() >= goal || posts.some(({ program }) => program.hasEnded());
  await eventually(isOver, { what: `${more} more units of work`, timeoutMs: 30_000 });
  for (const { program } of posts) program.assertRunning();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
