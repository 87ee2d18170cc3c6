import { redisRights } from '@spillway/core';
import { makeLimitedUser, setLimitedRights } from '@spillway/test-support';
import startSharedServers from '../support/global-setup.js';

/**
 * Starts the servers as for every project, and makes the user in the shared Redis. Databases are limited one by one.
 */
export default async function setUp(): Promise<() => Promise<void>> {
  const stop = await startSharedServers();
  setLimitedRights(redisRights({ topology: 'nodes' }));
  await makeLimitedUser(process.env['REDIS_URL'] ?? '');
  return stop;
}
