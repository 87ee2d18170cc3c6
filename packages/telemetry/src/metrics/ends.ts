import type { TelemetrySource } from '@spillway/core';
import type { Attributes } from './attributes.js';

/** A message whose work has ended. */
export interface Ended {
  readonly source: TelemetrySource;
  readonly outcome?: string;
  /** It has failed as a whole. */
  readonly error?: unknown;
  /** Parts of it have failed. */
  readonly failures?: readonly { readonly error: unknown }[];
}

export function namespaceOf({ source }: Pick<Ended, 'source'>): Attributes {
  return { 'spillway.namespace': source.namespace };
}

/** The outcome and the `error.type` of a message. */
export function endOf(message: Ended): Attributes {
  const failure = failureOf(message);
  return {
    'spillway.outcome': message.outcome ?? (message.error === undefined ? 'done' : 'failed'),
    ...(failure !== undefined && { 'error.type': errorType(failure) }),
  };
}

export function failureOf({ error, failures }: Ended): unknown {
  return error ?? failures?.[0]?.error;
}

/** The code of an error, or the name of its class. */
function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER';
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  return typeof name === 'string' && name !== '' ? name : '_OTHER';
}
