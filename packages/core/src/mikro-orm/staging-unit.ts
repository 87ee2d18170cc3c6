import type { AnyEntity, ChangeSet } from '@mikro-orm/core';
import type { Operation } from './operation.js';

/** Travels in the options of MikroORM's calls from the persister to the driver, and says for which flush and which change sets a call is. */
export const STAGED: unique symbol = Symbol('spillway.staged');

/** Set in the options of a flush that writes by SQL, which has made sure already that nothing it involves is pending. */
export const DRAINED: unique symbol = Symbol('spillway.drained');

export interface StagedCall {
  readonly unit: StagingUnit;
  readonly changeSets: readonly ChangeSet<AnyEntity>[];
}

/** Collects what one `em.flush()` of write-behind entities wants to write, until all of it is staged at once. */
export class StagingUnit {
  readonly operations: Operation[] = [];
  #expected = 0;

  /** The persister has been given this many change sets to write. */
  expect(changeSets: number): void {
    this.#expected += changeSets;
  }

  add(operation: Operation): void {
    this.operations.push(operation);
  }

  /** Whether the driver was asked for every change set; otherwise MikroORM has written some of them past the hooks. */
  get isComplete(): boolean {
    return this.operations.length >= this.#expected;
  }
}

/** The tag of a driver call, if it has one. */
export function stagedCall(options: unknown): StagedCall | undefined {
  return options !== null && typeof options === 'object' ? (options as { [STAGED]?: StagedCall })[STAGED] : undefined;
}

export function isDrained(options: unknown): boolean {
  return options !== null && typeof options === 'object' && (options as { [DRAINED]?: boolean })[DRAINED] === true;
}
