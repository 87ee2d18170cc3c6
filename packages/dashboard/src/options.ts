import type { IncomingMessage } from 'node:http';
import type { MikroORM } from '@mikro-orm/core';

/** `read`: see everything that is shown. `write`: also retry, discard, pause and resume. */
export type Access = 'read' | 'write';

/** Says what the sender of a request may do; `undefined`: nothing. A promise that rejects counts as `undefined`. */
export type Authorize = (request: IncomingMessage) => Access | undefined | Promise<Access | undefined>;

export interface DashboardOptions {
  /** An ORM whose extensions have `spillway()`. */
  readonly orm: MikroORM;
  /**
   * Is asked before every answer, also before those of the page's own files. Without it, the dashboard answers every
   * request with 403.
   *
   * @example
   * ```ts
   * dashboard({ orm, authorize: (request) => (isOperator(request) ? 'write' : undefined) });
   * ```
   */
  readonly authorize?: Authorize;
  /**
   * `'shown'`: the values of changes and rows are sent to the page. `'hidden'`: only the names of properties are, and
   * whether they differ. Properties that MikroORM does not serialise (`hidden: true`) are never sent.
   *
   * @defaultValue `'hidden'`
   */
  readonly values?: 'hidden' | 'shown';
  /**
   * Gets warnings: that the dashboard is closed, and requests that have failed.
   *
   * @defaultValue a warning of the process
   */
  readonly warn?: (message: string) => void;
}
