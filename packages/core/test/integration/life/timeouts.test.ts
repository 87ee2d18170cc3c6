import { database, freshNamespace, redis } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Gauge, GAUGE_TABLE, openGauges } from './gauge.js';
import { runSql } from './sql.js';

/** Redis is given up after two seconds, and asked again for as long; each of the calls below would take that long. */
const MUCH_LATER_MS = 1_900;

test('drain() and written() keep their time while Redis does not answer, also at the first use', async () => {
  await using server = await redis();
  await using db = await database();
  await runSql(db.url, GAUGE_TABLE);
  const place = { databaseUrl: db.url, redisUrl: server.url, namespace: freshNamespace() };
  const opened = await openGauges(place, { worker: false });
  const receipt = await Spillway.of(opened).increment(Gauge, 1, { value: 1 });
  const fresh = await openGauges(place, { worker: false });
  server.pause();
  try {
    const service = Spillway.of(opened);
    expect(await timed(service.drain(undefined, { timeout: 100 }))).toMatchObject({ code: 'DRAIN_TIMEOUT' });
    expect(await timed(receipt.written({ timeout: 100 }))).toMatchObject({ code: 'WRITE_TIMEOUT' });
    const first = await timed(Spillway.of(fresh).drain(undefined, { timeout: 100 }));
    expect(first).toMatchObject({
      code: 'DRAIN_TIMEOUT',
      message: expect.stringMatching(
        /^A drain did not end within 100 ms, because Redis or PostgreSQL has not answered\./u,
      ),
    });
  } finally {
    server.resume();
    await opened.close();
    await fresh.close();
  }
});

/** What a call has rejected with, in time. */
async function timed(call: Promise<unknown>): Promise<unknown> {
  const began = performance.now();
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(performance.now() - began).toBeLessThan(100 + MUCH_LATER_MS);
  return error;
}
