import { inspect } from 'node:util';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, type Logger, type SpillwayEvent } from '../../../src/index.js';

/** Stands in rows, and nowhere else. */
export const VALUE = 'canary-value-5d1c';
/** The password of every server. */
export const PASSWORD = 'canary-pass-9b2e';

/** Everything that leaves: events, log lines, health answers, thrown errors, warnings of the process. */
export class Heard {
  readonly all: { readonly from: string; readonly said: unknown }[] = [];
  readonly logger: Logger = {
    warn: (message) => this.note('log', message),
    error: (message) => this.note('log', message),
  };
  readonly #onWarning = (warning: Error): void => this.note('warning', warning);

  constructor() {
    process.on('warning', this.#onWarning);
  }

  listen(orm: MikroORM): Spillway {
    const service = Spillway.of(orm);
    service.events$.subscribe((event) => this.note('event', event));
    return service;
  }

  note(from: string, said: unknown): void {
    this.all.push({ from, said });
  }

  /** What the call throws is heard; what it answers is not, for it may be rows. */
  async thrownBy(what: string, call: () => unknown): Promise<unknown> {
    try {
      await call();
      return undefined;
    } catch (error) {
      this.note(what, error);
      return error;
    }
  }

  events<Type extends SpillwayEvent['type']>(type: Type): readonly Extract<SpillwayEvent, { type: Type }>[] {
    const events = this.all.filter(({ from }) => from === 'event').map(({ said }) => said as SpillwayEvent);
    return events.filter((event): event is Extract<SpillwayEvent, { type: Type }> => event.type === type);
  }

  /** What a canary is in, however deep. */
  leaks(): readonly string[] {
    return this.all.flatMap(({ from, said }) => {
      const text = printedWhole(said);
      return [VALUE, PASSWORD]
        .filter((canary) => text.includes(canary))
        .map((canary) => `${canary} in ${from}: ${text}`);
    });
  }

  [Symbol.dispose](): void {
    process.off('warning', this.#onWarning);
  }
}

/** As careless loggers do. */
function printedWhole(said: unknown): string {
  const whole = inspect(said, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null });
  const fields: unknown =
    said instanceof Error
      ? Object.assign({}, said, { message: said.message, stack: said.stack, cause: said.cause })
      : said;
  return `${whole}\n${inspect(fields, { depth: Infinity })}\n${JSON.stringify(fields)}`;
}
