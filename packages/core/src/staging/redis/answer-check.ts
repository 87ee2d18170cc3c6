import { createHash } from 'node:crypto';
import { SpillwayError } from '../../errors.js';
import type { Script } from './scripts.js';
import type { ServerLink } from './server-link.js';

/** Bytes that are no text, numbers, nothing, and a list in a list: Spillway's scripts answer only with these. */
const SOURCE = 'return {ARGV[1], 2147483648, false, {ARGV[2], -1}}';

const PROBE: Script = {
  name: 'probe',
  source: SOURCE,
  sha: createHash('sha1').update(SOURCE).digest('hex'),
  keys: [],
};

/** Not text in any encoding; `é` would be two bytes, or one. */
const BYTES = Buffer.from([0xff, 0x00, 0xc3, 0x28]);

/**
 * Checks that the client passes commands and answers on unchanged. The application's client may be of any version, or
 * wrapped, and transformers of ioredis apply to all of its clients.
 *
 * @throws SpillwayError `CONFIG_INVALID`
 */
export async function checkAnswers(connection: ServerLink): Promise<void> {
  // Twice, because a new script goes by another command.
  for (const text of ['first', 'second']) {
    const answer = await connection.run(PROBE, [], [BYTES, text]);
    if (isAsSent(answer, text)) continue;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The client of Redis at ${connection.server} changes what commands are sent, or what they answer. ` +
        'Give a URL or options instead of the client, and set no transformers of ioredis for EVAL and EVALSHA',
    );
  }
}

function isAsSent(answer: unknown, text: string): boolean {
  if (!Array.isArray(answer)) return false;
  const [bytes, number, nothing, list] = answer as readonly unknown[];
  return (
    isBytes(bytes, BYTES) &&
    number === 2_147_483_648 &&
    nothing === null &&
    Array.isArray(list) &&
    isBytes(list[0], Buffer.from(text)) &&
    list[1] === -1
  );
}

function isBytes(given: unknown, wanted: Buffer): boolean {
  return Buffer.isBuffer(given) && given.equals(wanted);
}
