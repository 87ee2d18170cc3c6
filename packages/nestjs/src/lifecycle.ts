import { setTimeout as pause } from 'node:timers/promises';
import {
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Spillway } from '@spillway/core';
import type { Readiness } from './readiness.js';
import type { ShutdownTimes } from './shutdown-times.js';

/** Between the drain and the end of its grace: for closing, and for what was staged during the drain. */
const CLOSING_SHARE = 0.2;

interface LifecycleParts {
  readonly spillway: Spillway;
  readonly readiness: Readiness;
  readonly times: ShutdownTimes;
  /** Subscribes the application's handlers, and answers how to take them off. */
  readonly subscribe: () => () => void;
}

/**
 * Spillway's part in the life of an application. It starts when all providers are there, so that no handler misses an event. When the application is asked to end, readiness goes off
 * first; then, while the server still answers what has come already, what is staged is written; the rest, and closing, comes after the server has stopped. All of it takes
 * no longer than the grace: what is not written by then stays staged, and is said.
 */
export class SpillwayLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #parts: LifecycleParts;
  readonly #logger: Logger = new Logger('Spillway');
  #unsubscribe: (() => void) | undefined;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { spillway, readiness, subscribe } = this.#parts;
    this.#unsubscribe = subscribe();
    await spillway.start();
    readiness.isReady = true;
    if (process.listenerCount('SIGTERM') === 0) {
      this.#logger.warn(
        'Shutdown hooks are off: at SIGTERM the process ends without writing what is staged; another worker has to. Call app.enableShutdownHooks() before app.listen()',
      );
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { spillway, readiness, times } = this.#parts;
    readiness.isReady = false;
    spillway.stopWithin(times.graceMs);
    await pause(times.readinessDelayMs);
    if (!spillway.hasWorker) return;
    const timeout = Math.max(1, Math.floor((times.graceMs - times.readinessDelayMs) * (1 - CLOSING_SHARE)));
    // What keeps the drain from ending is no reason not to end; what is left is said after the last attempt.
    await spillway.drain(undefined, { timeout }).catch((error: unknown) => this.#logger.warn(textOf(error)));
  }

  async onApplicationShutdown(): Promise<void> {
    const { left } = await this.#parts.spillway.stop();
    this.#unsubscribe?.();
    if (left !== undefined && left > 0)
      this.#logger.warn(`${left} shards still hold changes. They stay staged, and the next worker writes them`);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
