import type { AnyEntity } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { StagedMark } from '../../staging/staging-store.js';
import type { Operation } from './operation.js';

/** Which staged change of each entity was its last one, as long as the entity lives: whoever waits for an entity waits for that change. */
export class EntityMarks {
  readonly #marks = new WeakMap<AnyEntity, StagedMark>();

  note(operations: readonly Operation[], marks: ReadonlyMap<RowKey, StagedMark>): void {
    for (const { entity, change } of operations) {
      const mark = marks.get(change.rowKey);
      if (mark) this.#marks.set(entity, mark);
      // A change that is held has its place once it is released: whoever waits asks then what is pending.
      else this.#marks.delete(entity);
    }
  }

  of(entity: AnyEntity): StagedMark | undefined {
    return this.#marks.get(entity);
  }
}
