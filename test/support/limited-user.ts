import { Redis } from 'ioredis';
import { security } from './documented-rights.js';
import { LIMITED } from './limited.js';

/**
 * Makes the limited user in a Redis. Tests have namespaces of their own, so it may touch every key that begins as keys
 * of a namespace do.
 */
export async function makeLimitedUser(url: string): Promise<void> {
  const rights = /^ACL SETUSER .* (nocommands .*)$/mu.exec(security())?.[1];
  if (rights === undefined) throw new Error('SECURITY.md has no line "ACL SETUSER … nocommands …"');
  const admin = new Redis(url);
  try {
    const rule = ['on', `>${LIMITED.password}`, 'resetkeys', '~{*', ...rights.split(' ')];
    await admin.call('ACL', 'SETUSER', LIMITED.user, ...rule);
  } finally {
    admin.disconnect();
  }
}
