import { known } from './known.js';

/** Why tests of MikroORM end otherwise where everything is written behind. */
export const reasons = {
  anew: 'its SQL makes a table anew, and rows that are pending come into it, with keys that its sequence gives once more',
  constraints: 'expects em.flush() to throw for a constraint, which is found when the batch is written: a dead letter',
  generated: 'expects a generated column after em.flush(), which a staged change does not know',
  order: 'reads rows without an order, which come as batches have written them',
  past: 'reads by the query builder or by SQL, which see PostgreSQL as it is until a drain',
  refused: 'discovers an entity later whose column type is refused by name, after it was given a policy',
  raced: 'reads by the query builder what was staged just before, which the worker may have written by then',
  sequences: 'numbers from sequences have gaps; and SQL that makes a table anew leaves old blocks behind',
  statements: 'compares the statements that are logged: staged changes send none, and queries drain before them',
  tables: 'SQL of the test drops the schema that also holds the tables of Spillway',
  transactions: 'expects the hooks of a transaction, which a staged flush does not have',
} as const;

/** Where time decides, or chance: such a test may end as in the plain run. */
export const uncertain: ReadonlySet<string> = new Set<keyof typeof reasons>(['anew', 'order', 'raced']);

export interface KnownDifference {
  /** `file#hash of the title`, as the runner prints it. */
  readonly id: string;
  readonly reason: keyof typeof reasons;
}

export const knownDifferences: readonly KnownDifference[] = Object.entries(known).flatMap(([reason, files]) =>
  Object.entries(files).flatMap(([file, hashes]) =>
    hashes.split(' ').map((hash) => ({ id: `${file}#${hash}`, reason: reason as keyof typeof reasons })),
  ),
);
