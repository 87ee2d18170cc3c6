/** What the dashboard's JSON API answers. The page and the server share these types. */
import type { Health, SpillwayStatus } from '@spillway/core';
import type { Access } from './options.js';

/** What the sender of the request may do, and what this release of Spillway can. */
export interface Capabilities {
  readonly access: Access;
  readonly values: 'hidden' | 'shown';
  readonly can: { readonly pause: boolean; readonly diagnose: boolean };
  /** Names of the entities that may be written behind. */
  readonly entities: readonly string[];
}

/** A look at all counts, and how fast they have changed since the look before. */
export interface Overview {
  /** Milliseconds since 1970 by the clock of the process that answers. */
  readonly atMs: number;
  readonly health: Health;
  readonly status: SpillwayStatus;
}
