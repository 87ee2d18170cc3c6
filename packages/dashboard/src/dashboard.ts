import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpillwayError } from '@spillway/core';
import { accessOf } from './http/access.js';
import { Refused, sendJson, sendNothing } from './http/answers.js';
import { route, type Routes } from './http/routes.js';
import type { DashboardOptions } from './options.js';
import { routesOf } from './service/routes-of.js';

/** Answers requests below the path where it is mounted, and can be a server of its own. */
export interface Dashboard {
  (request: IncomingMessage, response: ServerResponse): void;
  /**
   * Starts a server of its own.
   *
   * @param port `0`: any free port
   * @param host the address to listen at. @defaultValue `'127.0.0.1'`, which only this machine reaches
   */
  listen(port: number, host?: string): Promise<RunningDashboard>;
}

export interface RunningDashboard extends AsyncDisposable {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The dashboard as a request handler, for Express, NestJS, and Node's own server.
 *
 * @example
 * ```ts
 * app.use('/spillway', dashboard({ orm, authorize: (request) => (isOperator(request) ? 'write' : undefined) }));
 * ```
 * @throws SpillwayError `CONFIG_INVALID` for an ORM without Spillway
 */
export function dashboard(options: DashboardOptions): Dashboard {
  const { authorize, warn = (message) => process.emitWarning(message) } = options;
  if (!authorize)
    warn(
      'The dashboard of Spillway is closed: it has no authorize(), so it answers 403 to every request. ' +
        "Give it one that answers 'read' or 'write' for the requests that may see it",
    );
  const routes = routesOf(options);
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const access = accessOf(request, authorize, (error) =>
      warn(`authorize() of the dashboard has failed: ${String(error)}`),
    );
    access
      .then(async (granted) => {
        if (granted === undefined) return sendNothing(response, 403);
        await answer(routes, request, response, granted);
      })
      .catch((error: unknown) => refuse(response, error, warn));
  };
  return Object.assign(handle, { listen: async (port: number, host = '127.0.0.1') => listen(handle, port, host) });
}

async function answer(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
  access: 'read' | 'write',
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://mount');
  const asked = new URL(
    (Reflect.get(request, 'originalUrl') as string | undefined) ?? request.url ?? '/',
    'http://mount',
  );
  // The page names its files relative to itself, wherever it is mounted and whatever a proxy puts before the path.
  if (url.pathname === '/' && !asked.pathname.endsWith('/'))
    return sendNothing(response, 308, { location: `./${asked.pathname.split('/').at(-1) ?? ''}/` });
  await route(routes, { request, response, url, access });
}

/** Errors of Spillway by what the sender can do about them. */
function statusOf(error: unknown): number {
  if (error instanceof RangeError) return 404;
  if (!(error instanceof SpillwayError)) return 500;
  if (error.code === 'CONFIG_INVALID' || error.code === 'VALIDATION_FAILED') return 400;
  return UNAVAILABLE.has(error.code) ? 503 : 409;
}

const UNAVAILABLE: ReadonlySet<string> = new Set(['DATABASE_UNAVAILABLE', 'STAGING_UNAVAILABLE', 'STAGING_TIMEOUT']);

function refuse(response: ServerResponse, error: unknown, warn: (message: string) => void): void {
  if (response.headersSent) return void response.destroy();
  if (error instanceof Refused) return sendJson(response, error.status, { error: error.message });
  const text = error instanceof Error ? error.message : String(error);
  const status = statusOf(error);
  if (status === 500) warn(`A request to the dashboard of Spillway has failed: ${text}`);
  sendJson(response, status, { error: text });
}

async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
  host: string,
): Promise<RunningDashboard> {
  const server = createServer((request, response) => {
    if (isOfThisMachine(host) && !isOfThisMachine(nameIn(request.headers.host))) sendNothing(response, 403);
    else handle(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The name or address in a header `Host`, without its port. */
function nameIn(host = ''): string {
  return host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** A page of another site may give its own name the address of this machine, and then counts as the same origin. */
function isOfThisMachine(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127(\.\d+){3}$/.test(name);
}
