/**
 * The role of PostgreSQL that has the rights which SECURITY.md lists, and the user of Redis that has those of
 * `redisRights()`; no others.
 */
export const LIMITED = { role: 'spillway_limited', user: 'spillway_limited', password: 'secret' } as const;

/** Set in the vitest project `rights`, where databases are made for that role, and servers for that user. */
export function areRightsLimited(): boolean {
  return process.env['SPILLWAY_RIGHTS'] === 'documented';
}

/**
 * The URL by which an application reaches a database: as the limited role, where rights are limited and the URL has the
 * superuser.
 */
export function urlOfApplication(databaseUrl: string): string {
  if (!areRightsLimited() || !URL.canParse(databaseUrl)) return databaseUrl;
  const url = new URL(databaseUrl);
  if (url.username === SUPERUSER) url.username = LIMITED.role;
  return url.href;
}

/** Makes the databases of tests. */
export const SUPERUSER = 'postgres';
