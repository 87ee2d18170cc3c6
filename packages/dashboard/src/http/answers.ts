import type { ServerResponse } from 'node:http';

/** No script or style but the page's own files, in no frame, and nothing that a cache may keep. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** A request that is refused; the message is sent to its sender. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Begins an answer with the headers that every answer has. */
export function begin(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...HEADERS, ...headers });
}

/** An answer without a body, which tells nothing but its status. */
export function sendNothing(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  begin(response, status, { 'content-length': '0', ...headers });
  response.end();
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendBody(response, status, 'application/json; charset=utf-8', Buffer.from(JSON.stringify(value)));
}

export function sendBody(response: ServerResponse, status: number, type: string, body: Buffer): void {
  begin(response, status, { 'content-type': type, 'content-length': String(body.length) });
  response.end(body);
}
