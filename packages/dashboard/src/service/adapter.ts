import type { MikroORM } from '@mikro-orm/core';
import { Spillway } from '@spillway/core';

/** Calls of newer releases of Spillway. */
interface NewerCalls {
  pause(entity?: string): Promise<unknown>;
  resume(entity?: string): Promise<unknown>;
  diagnose(): Promise<unknown>;
}

/** The service of the ORM. An older release lacks some calls, and the page then shows nothing of them. */
export class Service {
  readonly spillway: Spillway;

  constructor(orm: MikroORM) {
    this.spillway = Spillway.of(orm);
  }

  has(call: keyof NewerCalls): boolean {
    return typeof Reflect.get(this.spillway, call) === 'function';
  }
}
