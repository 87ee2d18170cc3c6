import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from '../options.js';
import { assertMayAct } from './access.js';
import { Refused, sendBody, sendJson } from './answers.js';
import { readBody } from './body.js';
import { pageFile } from './page-files.js';

/** A question that is answered with JSON. */
interface Ask {
  readonly access: Access;
  readonly query: URLSearchParams;
}

export interface Routes {
  /** Path -> what answers it. */
  readonly questions: Readonly<Record<string, (ask: Ask) => unknown>>;
  /** Path -> what does it and answers what became of it. */
  readonly acts: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => unknown>>;
  /** Path -> what writes an answer that does not end by itself. */
  readonly streams: Readonly<Record<string, (response: ServerResponse) => void>>;
}

/** Answers a request whose sender has this access. @throws Refused for what is not there, or not allowed */
export async function route(
  { questions, acts, streams }: Routes,
  { request, response, url, access }: RoutedRequest,
): Promise<void> {
  const { pathname: path, searchParams: query } = url;
  if (request.method === 'POST') {
    const act = ownOf(acts, path);
    if (!act) throw notThere();
    assertMayAct(request, access);
    return sendJson(response, 200, await act(await readBody(request)));
  }
  if (request.method !== 'GET') throw new Refused(405, 'Only GET and POST are answered');
  const stream = ownOf(streams, path);
  if (stream) return stream(response);
  const question = ownOf(questions, path);
  if (question) return sendJson(response, 200, await question({ access, query }));
  const file = await pageFile(path);
  if (!file) throw notThere();
  sendBody(response, 200, file.type, file.body);
}

export interface RoutedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Below the mount. */
  readonly url: URL;
  readonly access: Access;
}

function ownOf<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function notThere(): Refused {
  return new Refused(404, 'The dashboard has no such page');
}
