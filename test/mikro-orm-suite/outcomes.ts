import { createHash } from 'node:crypto';

/** One test of a run. */
export interface Outcome {
  /** Its file, from the root of the checkout. */
  readonly file: string;
  readonly title: string;
  readonly status: string;
  readonly message: string;
}

/** A test by its file and the beginning of its title's hash: nothing of the suite has to be written down to name it. */
export function idOf({ file, title }: Pick<Outcome, 'file' | 'title'>): string {
  return `${file}#${createHash('sha256').update(title).digest('hex').slice(0, 8)}`;
}

/** A test that ended otherwise than in the plain run. */
export interface Difference {
  readonly id: string;
  readonly plain: string;
  readonly ours: Outcome;
}

/** All that differ, of tests that the plain run knows or that it does not. Tests of one title in one file are one. */
export function differences(plain: readonly Outcome[], ours: readonly Outcome[]): Difference[] {
  const before = byId(plain);
  const after = byId(ours);
  const missing = [...before].flatMap(([id, outcome]) =>
    after.has(id) ? [] : [{ id, plain: outcome.status, ours: { ...outcome, status: 'missing', message: '' } }],
  );
  const changed = [...after].flatMap(([id, outcome]) => {
    const known = before.get(id)?.status ?? 'missing';
    return known === outcome.status ? [] : [{ id, plain: known, ours: outcome }];
  });
  return [...missing, ...changed].toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** Of several tests of one title the worst counts. */
function byId(outcomes: readonly Outcome[]): Map<string, Outcome> {
  const found = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const id = idOf(outcome);
    if (found.get(id)?.status !== 'failed') found.set(id, outcome);
  }
  return found;
}

/** What the JSON reporter of vitest writes, as far as it is read here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** @param root the checkout, whose files are named from there */
export function outcomesOf({ testResults }: Report, root: string): Outcome[] {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name;
    const tests = assertionResults.map(({ fullName, status, failureMessages }) => ({
      file,
      title: fullName,
      status,
      message: failureMessages.join('\n'),
    }));
    return tests.length > 0 ? tests : [{ file, title: '', status: 'failed', message }];
  });
}
