import type { EntityManager } from '@mikro-orm/core';

/**
 * Whether an entity manager reads and writes under variables or a role of its own (`em.setSessionContext()`), which row level security decides by. PostgreSQL alone can do
 * that: nothing is staged for it, or laid over what it reads. Versions of MikroORM before 7.2 have no such thing.
 */
export function hasSession(em: unknown): boolean {
  return (em as Partial<EntityManager> | undefined)?.getSessionContext?.() !== undefined;
}
