import { decodeRecords, UnreadableRecord } from '../../change/record-codec.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import type { CacheAnswer } from '../row-cache.js';
import type { RowGroup } from './look-groups.js';
import { flightIn, pendingIn, plainOr, type FlightSeen } from './replies.js';
import { text, type Reply } from './connection.js';

/** How many values of the reply follow the kind of an answer. */
const BEHIND_COPY = 5;
const NO_RECORDS: readonly StagedRecord[] = [];

/** Hands the answers of `cache-look.lua` to the callers. */
export function readLook(reply: Reply, call: readonly RowGroup<CacheAnswer>[], ticket: string): void {
  let at = 1;
  for (const { rows } of call) {
    const flight = flightIn(reply[at], reply[at + 1]);
    at += 2;
    for (const { key, of } of rows) {
      const kind = text(reply[at]);
      const answer = kind === 'copy' ? copyIn(reply, at + 1, key, flight) : answerOf(kind, reply[at + 1], ticket);
      if (answer) of.found.set(key, answer);
      at += 1 + (kind === 'copy' ? BEHIND_COPY : kind.startsWith('blocked') ? 1 : 0);
    }
  }
}

function answerOf(kind: string, behind: unknown, ticket: string): CacheAnswer | undefined {
  if (kind === 'ticket') return { kind, ticket };
  if (kind === 'blocked row' || kind === 'blocked table') {
    const by = kind === 'blocked row' ? 'row' : 'table';
    const transactions = writersIn(behind as Buffer);
    return transactions && { kind: 'blocked', by, transactions };
  }
  return kind === 'taken' || kind === 'pending' ? { kind } : undefined;
}

/** If what is pending, or was written since, cannot be read, there is no copy. The reader then looks at it itself. */
function copyIn(reply: Reply, at: number, key: RowKey, flight: FlightSeen): CacheAnswer {
  const [bytes, behind, dirty, inFlight, recent] = reply.slice(at, at + BEHIND_COPY) as [
    Buffer,
    Buffer,
    ...(Buffer | null)[],
  ];
  try {
    const carried = behind.length === 0 ? NO_RECORDS : decodeRecords(behind);
    const pending = pendingIn(key, { dirty, inFlight, recent }, flight);
    return { kind: 'copy', bytes, carried, ...(pending && { pending }) };
  } catch (error) {
    if (error instanceof UnreadableRecord || error instanceof SpillwayError) return { kind: 'pending' };
    throw error;
  }
}

/** `undefined`: another value stands there. Then the row has no copy, and gets none. */
function writersIn(bytes: Buffer): readonly string[] | undefined {
  const writers = plainOr(bytes, undefined);
  return Array.isArray(writers) && writers.every((writer) => typeof writer === 'string') ? writers : undefined;
}
