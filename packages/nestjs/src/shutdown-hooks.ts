import { Logger } from '@nestjs/common';

/** An application context is created and started in one call; its hooks can only be enabled after that. */
const ENABLED_WITHIN_MS = 5_000;

/** Warns if the process does not listen to SIGTERM soon after the start. */
export class ShutdownHooks {
  readonly #logger: Logger = new Logger('Spillway');
  #timer: NodeJS.Timeout | undefined;

  /** The application has started. */
  expect(): void {
    this.#timer = setTimeout(() => this.#look(), ENABLED_WITHIN_MS);
    // The timer must not keep an idle process alive.
    this.#timer.unref();
  }

  /** The application ends. */
  over(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (process.listenerCount('SIGTERM') > 0) return;
    this.#logger.warn(
      'Shutdown hooks are off: at SIGTERM the process ends without writing what is staged; another worker has to. ' +
        'Call app.enableShutdownHooks() as soon as there is an application, or an application context',
    );
  }
}
