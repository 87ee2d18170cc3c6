import { setTimeout as pause } from 'node:timers/promises';
import {
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Spillway, StartMode } from '@spillway/core';
import type { Readiness } from './readiness.js';
import { ShutdownHooks } from './shutdown-hooks.js';
import type { ShutdownTimes } from './shutdown-times.js';

/**
 * The part of the grace that is left after the drain: for closing, and for changes that were staged during the drain.
 */
const CLOSING_SHARE = 0.2;

export interface LifecycleParts {
  readonly spillway: Spillway;
  readonly readiness: Readiness;
  readonly times: ShutdownTimes;
  readonly mode: StartMode;
  /** Subscribes the application's handlers, and answers a function that removes them. */
  readonly subscribe: () => () => void;
}

/**
 * Spillway's part in the life of an application. It starts when all providers exist, so that no handler misses an
 * event. When the application is asked to end, readiness goes off first. Staged changes are then written while the
 * server still answers requests that have arrived. The rest of the changes, and closing, follow after the server has
 * stopped. All of it takes no longer than the grace; a warning tells of changes that stay staged. An application may be
 * closed twice.
 */
export class SpillwayLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #parts: LifecycleParts;
  readonly #logger: Logger = new Logger('Spillway');
  readonly #hooks = new ShutdownHooks();
  #unsubscribe: (() => void) | undefined;
  /** The report of the last end, which has been logged. */
  #said: object | undefined;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { spillway, readiness, mode, subscribe } = this.#parts;
    this.#unsubscribe = subscribe();
    await spillway.start({ mode });
    readiness.isReady = true;
    this.#hooks.expect();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { spillway, readiness, times } = this.#parts;
    readiness.isReady = false;
    this.#hooks.over();
    if (spillway.isStopped) return;
    spillway.stopWithin(times.graceMs);
    await pause(times.readinessDelayMs);
    if (!spillway.hasWorker) return;
    const timeout = Math.max(1, Math.floor((times.graceMs - times.readinessDelayMs) * (1 - CLOSING_SHARE)));
    // A failed drain must not keep the application from ending; a warning about the rest follows after the last
    // attempt.
    await spillway.drain(undefined, { timeout }).catch((error: unknown) => this.#logger.warn(textOf(error)));
  }

  async onApplicationShutdown(): Promise<void> {
    const report = await this.#parts.spillway.stop();
    this.#unsubscribe?.();
    const { left } = report;
    // A repeated end answers the same report, which is logged once.
    if (report !== this.#said && left !== undefined && left > 0)
      this.#logger.warn(`${left} shards still hold changes. They stay staged, and the next worker writes them`);
    this.#said = report;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
