/* oxlint-disable vitest/expect-expect -- seenAlike() expects */
/**
 * Programs of which exactly one row is pending, of a type that no argument of the last query names: MikroORM joins it
 * on its own. The generator makes their like too seldom to leave it at that.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lane } from './lane.js';
import type { Act, Nudge, Query, Step, Target } from './steps.js';

let lane: Lane;

beforeAll(async () => {
  // Nobody writes but whoever waits, and references are not joined for their filters.
  lane = await Lane.open('none', 'server');
});

afterAll(async () => {
  await lane[Symbol.asyncDispose]();
});

const ann: Target = { kind: 'Person', tag: 'ann' };
const bob: Target = { kind: 'Person', tag: 'bob' };
const note: Target = { kind: 'Note', tag: 'note' };
const club: Target = { kind: 'Club', tag: 'club' };
const course: Target = { kind: 'Course', tag: 'course' };
const enrolment: Target = { kind: 'Enrolment', tag: 'ann+course' };
const flush: Act = { do: 'flush' };
/** MikroORM writes the subject of a new note with each later flush again, by SQL, and with it the whole flush. */
const clear: Act = { do: 'clear' };
const drain: Nudge = { do: 'drain' };
const people: Act[] = [ann, bob].map((target) => ({ do: 'create', target, values: { name: target.tag, age: 3 } }));

/** Everything of `before` is written, and nothing of `change`, when somebody else reads. */
async function seenAlike(before: readonly Act[], change: Act, query: Query): Promise<void> {
  const acts: readonly (Act | Nudge)[] = [...people, flush, ...before, flush, drain, clear, change, flush];
  const steps = acts.map((act): Step => ({ process: 0, fork: 0, act }));
  const look: Step = { process: 0, fork: 1, act: { do: 'query', query } };
  const report = await lane.run({ seed: 0, steps: [...steps, look] });
  expect(report).toMatchObject({ failure: undefined, left: 0, isVoid: false });
}

describe.each([ann, club])('a target of a polymorphic relation: $kind', (subject) => {
  test.each(['joined', 'select-in', 'balanced'] as const)('that is populated, %s', async (strategy) => {
    await seenAlike(
      [
        { do: 'create', target: club, values: { name: 'chess' } },
        flush,
        { do: 'create', target: note, values: { text: 'about it', subject: { $row: subject } } },
      ],
      { do: 'assign', target: subject, values: { name: 'renamed' } },
      { kind: 'Note', ask: 'find', where: {}, populate: ['subject'], strategy, filters: false },
    );
  });
});

test('what a default filter of a collection reaches', async () => {
  await seenAlike(
    [
      { do: 'create', target: club, values: { name: 'chess', founder: { $row: ann } } },
      { do: 'collect', target: club, property: 'members', by: 'add', members: [bob] },
    ],
    { do: 'create', target: { kind: 'Cat', tag: 'cat' }, values: { name: 'Bob', owner: { $row: ann } } },
    { kind: 'Person', ask: 'find', where: { clubs: { name: 'chess' } } },
  );
});

test('what a default filter of a reference reaches', async () => {
  await seenAlike(
    [
      { do: 'create', target: course, values: { title: 'chess', open: true } },
      flush,
      { do: 'create', target: note, values: { text: 'of chess', course: { $row: course } } },
    ],
    { do: 'create', target: enrolment, values: { grade: 0 } },
    { kind: 'Note', ask: 'find', where: { course: { open: true } } },
  );
});
