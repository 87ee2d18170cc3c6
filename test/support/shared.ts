/** The servers that all test files of a run share; the global set-up has started them. */

/** A Redis for everybody: use keys of your own namespace only, and change none of its settings. */
export function sharedRedisUrl(): string {
  return fromRun('REDIS_URL');
}

/** A PostgreSQL for everybody: take a database of your own by `database()`. */
export function sharedDatabaseUrl(): string {
  return fromRun('DATABASE_URL');
}

function fromRun(name: 'REDIS_URL' | 'DATABASE_URL'): string {
  const url = process.env[name];
  if (url) return url;
  throw new Error(`${name} is not set: this test belongs to a vitest project whose globalSetup starts no servers.`);
}
