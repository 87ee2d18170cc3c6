import { SpillwayError } from '../../errors.js';
import { isReply } from '../redis/redis-errors.js';
import { hostOf } from './slot-table.js';

/** Why a call has not run where it was sent. After any other error it may have run, or would fail anywhere. */
export type Detour =
  /** Another server has the slot. */
  | { readonly kind: 'moved' | 'ask'; readonly address: string }
  /** The server takes no such call for a while. */
  | { readonly kind: 'later' }
  /** Nothing was sent. */
  | { readonly kind: 'away' };

const ELSEWHERE = /^(MOVED|ASK) \d+ (\S*)$/u;
const LATER = /^(TRYAGAIN|CLUSTERDOWN|MASTERDOWN|LOADING|READONLY)\b/u;

/**
 * @param asked the address of the server that was asked: it leaves out the host of another one that has the same
 * @returns `undefined` if the call must not be sent again
 */
export function detourOf(error: unknown, asked: string): Detour | undefined {
  if (!(error instanceof SpillwayError)) return undefined;
  const said = isReply(error.cause) ? error.cause.message : '';
  const [, word, place = ''] = ELSEWHERE.exec(said) ?? [];
  if (word !== undefined) {
    const address = /^:\d+$/u.test(place) ? `${hostOf(asked)}${place}` : place;
    return { kind: word === 'MOVED' ? 'moved' : 'ask', address };
  }
  if (LATER.test(said)) return { kind: 'later' };
  return error.code === 'STAGING_UNAVAILABLE' && said === '' ? { kind: 'away' } : undefined;
}
