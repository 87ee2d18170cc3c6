import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { runStrictly } from './child.js';
import { GAUGE_TABLE } from './gauge.js';
import { runSql } from './sql.js';

test('listeners, subscribers, a logger and a conflict function that fail are warnings; nothing is stopped, and the process lives', async () => {
  await using db = await database();
  await runSql(db.url, GAUGE_TABLE);
  const place = { databaseUrl: db.url, redisUrl: sharedRedisUrl(), namespace: freshNamespace() };

  const { end, said, errors } = await runStrictly('bad-listeners.ts', place);

  expect({ end, last: said.at(-1), errors }).toMatchObject({ end: 0, last: { end: true } });
  expect(said).toContainEqual({
    letters: [expect.stringContaining('answered a promise, but it must be synchronous')],
  });
  for (const heard of ['staged', 'written', 'dead-letter', 'drained']) expect(said).toContainEqual({ heard });
  for (const warning of [
    "A listener of the event 'staged' has failed: no time",
    "A listener of the event 'dead-letter' has failed: no time",
    'A subscriber of events$ has failed: no interest',
    'A subscriber of events$ has failed: no sense',
    'The logger of spillway() has failed: no paper',
    'The logger of spillway() has failed: no ink',
  ])
    expect(errors).toContain(`[SPILLWAY_LISTENER] SpillwayListenerWarning: ${warning}`);
});
