import type { RedisOptions } from 'ioredis';
import { SpillwayError } from '../../errors.js';

/** Allowed parameters behind the `?`. ioredis would take any option there, and it would override Spillway's own. */
const PARAMETERS = ['db', 'family', 'connectionName', 'clientInfoTag'] as const;

/**
 * A URL as options of ioredis.
 *
 * @param where as messages call it: `redis in the options of spillway()`
 * @throws SpillwayError `CONFIG_INVALID`, without the URL, because it may hold a password
 */
export function optionsOfUrl(text: string, where: string): RedisOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol))
    throw refused(
      where,
      'is a text that is no Redis URL. Write redis://user:password@host:6379/0, or rediss:// for TLS',
    );
  if (url.hostname === '') throw refused(where, 'is a URL without a host. Write redis://host:6379/0');
  const parameters = parametersOf(url, where);
  const db = databaseOf(url.pathname.slice(1) || parameters.db, where);
  return {
    host: url.hostname.replace(/^\[|\]$/gu, ''),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...((url.username !== '' || url.password !== '') && {
      username: decoded(url.username, where),
      password: decoded(url.password, where),
    }),
    ...(db !== undefined && { db }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
    ...(parameters.family !== undefined && { family: Number(parameters.family) }),
    ...(parameters.connectionName !== undefined && { connectionName: parameters.connectionName }),
    ...(parameters.clientInfoTag !== undefined && { clientInfoTag: parameters.clientInfoTag }),
  };
}

function parametersOf(url: URL, where: string): Partial<Record<(typeof PARAMETERS)[number], string>> {
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.some((known) => known === name));
  if (unknown !== undefined)
    throw refused(
      where,
      `is a URL with the parameter "${unknown}". ` +
        `A URL may have ${PARAMETERS.join(', ')}; give everything else as options of ioredis`,
    );
  return Object.fromEntries(url.searchParams);
}

/** ioredis would take database 0 for text that is no number. */
function databaseOf(text: string | undefined, where: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/u.test(text)) throw refused(where, 'is a URL whose database is no number. Write redis://host:6379/0');
  return Number(text);
}

function decoded(text: string, where: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused(
      where,
      'is a URL whose user or password is not encoded. Write % as %25, and whatever else stands for itself in no URL',
    );
  }
}

function refused(where: string, why: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${where} ${why}`);
}
