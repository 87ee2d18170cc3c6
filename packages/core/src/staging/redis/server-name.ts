import type { RedisOptions } from 'ioredis';

/** Where a client looks for Redis, for messages: `host:port`, the path of a socket, or a master and its sentinels. */
export function serverName({ sentinels, name, path, host, port }: RedisOptions): string {
  if (sentinels && sentinels.length > 0) {
    const asked = sentinels.map((sentinel) => `${sentinel.host ?? 'localhost'}:${sentinel.port ?? 26_379}`);
    return `"${name}" by the sentinel${asked.length === 1 ? '' : 's'} ${asked.join(', ')}`;
  }
  return path ?? `${host ?? 'localhost'}:${port ?? 6379}`;
}
