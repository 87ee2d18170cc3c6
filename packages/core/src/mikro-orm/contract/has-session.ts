import type { EntityManager } from '@mikro-orm/core';

type Session = Partial<Pick<EntityManager, 'getSessionContext'>> | undefined;

/**
 * True if an entity manager reads and writes under variables or a role of its own (`em.setSessionContext()`), by which
 * row level security decides. Only PostgreSQL can decide so: nothing is staged for such an entity manager, or laid over
 * its reads. With `sessionContext: 'connection'` MikroORM gives every connection the session context of the request,
 * whichever entity manager asks for it. Versions of MikroORM before 7.2 have no session contexts.
 */
export function hasSession(em: unknown): boolean {
  const known = em as EntityManager | undefined;
  return isSession(known) || isSession(requestOf(known));
}

function isSession(em: Session): boolean {
  return em?.getSessionContext?.() !== undefined;
}

function requestOf(em: EntityManager | undefined): Session {
  if (em?.config?.get('sessionContext' as never) !== 'connection') return undefined;
  return em.config.get('context')(em.config.get('contextName'));
}
