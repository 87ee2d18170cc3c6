import type { AnyEntity } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { StagedMark } from '../../staging/look-side.js';
import type { Operation } from './operation.js';

/**
 * The last staged change of each entity, as long as the entity lives: a caller that waits for an entity waits for that
 * change.
 */
export class EntityMarks {
  readonly #marks = new WeakMap<AnyEntity, StagedMark>();

  note(operations: readonly Operation[], marks: ReadonlyMap<RowKey, StagedMark>): void {
    for (const { entity, change } of operations) {
      const mark = marks.get(change.rowKey);
      if (mark) this.#marks.set(entity, mark);
      // A held change gets its place when it is released: a caller that waits asks then for pending changes.
      else this.#marks.delete(entity);
    }
  }

  of(entity: AnyEntity): StagedMark | undefined {
    return this.#marks.get(entity);
  }
}
