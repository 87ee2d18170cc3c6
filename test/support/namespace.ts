import { randomBytes } from 'node:crypto';

/** A name that nobody else uses, for the keys of one test (file) in the shared Redis. */
export function freshNamespace(prefix = 'test'): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}
