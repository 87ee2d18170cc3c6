import type { IncomingMessage } from 'node:http';
import type { Access, Authorize } from '../options.js';
import { Refused } from './answers.js';

/** A page of another origin can set it only if this server has allowed that, and it never does. */
const OWN_HEADER = 'x-spillway-dashboard';

/** What the sender may do; `undefined` also if the question fails. */
export async function accessOf(
  request: IncomingMessage,
  authorize: Authorize | undefined,
  failed: (error: unknown) => void,
): Promise<Access | undefined> {
  try {
    const access = await authorize?.(request);
    return access === 'read' || access === 'write' ? access : undefined;
  } catch (error) {
    failed(error);
    return undefined;
  }
}

/**
 * Refuses an act that the sender may not do, and one that another site makes a browser send with the sender's cookies.
 * Each of the last three checks is enough against a browser of today; together they also hold for older ones.
 * @throws Refused 403, 415
 */
export function assertMayAct({ headers }: IncomingMessage, access: Access): void {
  if (access !== 'write')
    throw new Refused(403, 'This is for readers only. Let authorize() answer "write" to change anything');
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
    throw new Refused(415, 'Send the act as application/json');
  if (headers[OWN_HEADER] === undefined) throw new Refused(403, `The header ${OWN_HEADER} is missing`);
  if (!isSameOrigin(headers)) throw new Refused(403, 'The request comes from a page of another origin');
}

/** A program sends neither header, and has no cookies of a user that it could misuse. */
function isSameOrigin({ 'sec-fetch-site': site, origin, host }: IncomingMessage['headers']): boolean {
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
