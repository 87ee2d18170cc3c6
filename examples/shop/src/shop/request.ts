import type { EntityManager } from '@mikro-orm/core';
import type { Draft } from '../journal/draft.js';

/** Changes entities in the given entity manager, which is flushed afterwards. It is run again if that was too late. */
export type Request<Answer> = (em: EntityManager) => Promise<Response<Answer>>;

interface Response<Answer> {
  /** The page for the visitor, once the changes are flushed. */
  readonly answer: Answer;
  /** The changes, for the journal. */
  readonly drafts: readonly Draft[];
  /** Another way to save them than the flush. */
  readonly save?: () => Promise<unknown>;
}
