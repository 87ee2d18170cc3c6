/**
 * Every attribute of a metric, with its meaning. All have few values: none is a key, a shard, or a text of a person. A
 * source adds `spillway.namespace` to every metric.
 */
export const ATTRIBUTES = {
  'spillway.namespace': 'The option `namespace` of `spillway()`.',
  'spillway.entity': 'The name of the entity, as in `Product`.',
  'spillway.outcome': 'How it has ended.',
  'spillway.reason': 'Why it has happened.',
  'spillway.code': 'The code of a dead letter: an SQLSTATE, or a word such as `CONFLICT`.',
  'spillway.way': 'How a change was written: `staged`, `sql:transaction`, `promoted` and others.',
  'spillway.caller': 'The read that had to wait: `Product.find`. At most 500 are told apart.',
  'spillway.status': '`up`, `degraded` or `down`.',
  'spillway.problem': 'A word of `health().states`, such as `staging-silent`.',
  'db.system.name': '`redis` or `postgresql`, as the semantic conventions name them.',
  'error.type': 'The code or the name of an error. Absent where there was none.',
} as const;

export type AttributeName = keyof typeof ATTRIBUTES;

/** The attributes of one measurement. */
export type Attributes = Readonly<Partial<Record<AttributeName, string>>>;
