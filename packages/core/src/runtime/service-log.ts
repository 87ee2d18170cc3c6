import type { MikroORM } from '@mikro-orm/core';
import { tell } from '../events/tell.js';
import type { Logger } from '../options.js';
import { printable } from '../printable.js';

/** The namespace of MikroORM's logger under which Spillway speaks. */
const NAMESPACE = 'spillway';

const WHO = 'The logger of spillway()';

/**
 * Where warnings and failures go: the logger of the options; else the one that a framework has named (`logTo`); else
 * MikroORM's. A logger that fails fails neither its caller nor the process. A message may contain text from Redis; it
 * is one line all the same.
 */
export class ServiceLog implements Logger {
  readonly #given: Logger | undefined;
  #other: Logger;

  constructor(given: Logger | undefined, orm: MikroORM) {
    this.#given = given;
    this.#other = ormLogger(orm);
  }

  logTo(logger: Logger): void {
    this.#other = logger;
  }

  warn(message: string): void {
    tell(() => this.#target.warn(printable(message)), WHO);
  }

  error(message: string): void {
    tell(() => this.#target.error(printable(message)), WHO);
  }

  get #target(): Logger {
    return this.#given ?? this.#other;
  }
}

/**
 * MikroORM's logger, with its levels. Which namespaces it shows is set for queries and discovery (`debug`); messages of
 * Spillway show without any.
 */
function ormLogger(orm: MikroORM): Logger {
  const log = (level: 'warn' | 'error', message: string): void =>
    orm.config.getLogger()[level](NAMESPACE, message.replace(/^Spillway: /, ''), { enabled: true });
  return { warn: (message) => log('warn', message), error: (message) => log('error', message) };
}
