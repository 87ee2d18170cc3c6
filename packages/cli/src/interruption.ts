/** The signals by which a shell, a supervisor or an orchestrator asks a process to end. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Someone has asked the process to end, while a command waited. */
export class Interrupted extends Error {
  override readonly name: string = 'Interrupted';
}

/** Watches for the signals until it is disposed of. A second signal ends the process as if nobody watched. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener = (signal: NodeJS.Signals): void => {
    this[Symbol.dispose]();
    this.#controller.abort(new Interrupted(`Interrupted by ${signal}. What is staged stays staged`));
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when the process is asked to end. */
  async come(): Promise<void> {
    if (this.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
