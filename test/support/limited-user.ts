import { Redis } from 'ioredis';
import { LIMITED } from './limited.js';

/** Set by the global set-up of the vitest project `rights`: what `redisRights()` answers. */
const RULE = 'SPILLWAY_REDIS_RIGHTS';

/** Says which rights the limited user has. */
export function setLimitedRights(rule: string): void {
  process.env[RULE] = rule;
}

/**
 * Makes the limited user in a Redis. Tests have namespaces of their own, so it may touch every key that begins as keys
 * of a namespace do.
 *
 * @param more rights beside those of SECURITY.md
 */
export async function makeLimitedUser(url: string, more: readonly string[] = []): Promise<void> {
  const rule = process.env[RULE];
  if (rule === undefined) throw new Error(`${RULE} is not set: the global set-up of the project "rights" does it.`);
  const words = rule.split(' ').map((word) => (word.startsWith('~') ? '~{*' : word));
  const admin = new Redis(url);
  try {
    await admin.call('ACL', 'SETUSER', LIMITED.user, 'on', `>${LIMITED.password}`, ...words, ...more);
  } finally {
    admin.disconnect();
  }
}
