import { Injectable, Logger } from '@nestjs/common';
import type { SpillwayEventOf } from '@spillway/core';
import { OnSpillway } from '@spillway/nestjs';

/** Somebody has to hear of a change that cannot be written. A real shop would page a person. */
@Injectable()
export class DeadLetters {
  readonly #logger = new Logger(DeadLetters.name);

  @OnSpillway('dead-letter')
  tell({ entity, rowKey, code }: SpillwayEventOf<'dead-letter'>): void {
    this.#logger.error(`Look at the dead letter of ${entity} ${rowKey} (${code})`);
  }
}
