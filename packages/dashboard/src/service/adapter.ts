import type { MikroORM } from '@mikro-orm/core';
import { Spillway, type SpillwayStatus } from '@spillway/core';
import type { FindingView, Paused } from '../wire.js';

/** Calls that not every release of Spillway has. */
interface NewerCalls {
  pause(entity?: string): Promise<unknown>;
  resume(entity?: string): Promise<unknown>;
  diagnose(): Promise<readonly FindingView[]>;
}

/** The calls of Spillway that a release may lack. The page shows nothing of those that are missing. */
export class Service {
  readonly spillway: Spillway;

  constructor(orm: MikroORM) {
    this.spillway = Spillway.of(orm);
  }

  newer<Name extends keyof NewerCalls>(call: Name): NewerCalls[Name] | undefined {
    const found: unknown = Reflect.get(this.spillway, call);
    return typeof found === 'function' ? (found.bind(this.spillway) as NewerCalls[Name]) : undefined;
  }

  /** `undefined`: this release cannot pause. */
  pausedIn(status: SpillwayStatus): Paused | undefined {
    return Reflect.get(status, 'paused') as Paused | undefined;
  }
}
