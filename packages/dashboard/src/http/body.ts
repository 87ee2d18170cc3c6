import type { IncomingMessage } from 'node:http';
import { Refused } from './answers.js';

/** A thousand letters by number, or one with edited values, are far below. */
const MOST_BYTES = 1024 * 1024;

/**
 * The JSON object that a request brings. A body parser of the application may have read it before.
 * @throws Refused 400, 413
 */
export async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const parsed = Reflect.get(request, 'body') as unknown;
  const body = parsed === undefined ? parse(await textOf(request)) : parsed;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new Refused(400, 'The body has to be a JSON object');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Refused(413, `The body has more than ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, 'The body is not JSON');
  }
}
