import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { SpillwayOptions } from '../../../src/options.js';
import { resolveNewMap, resolveOptions } from '../../../src/resolve-options.js';

/** Tests hand over what a caller without types could write. */
function choice(redis: unknown) {
  const { staging } = resolveOptions({ redis } as SpillwayOptions<[]>);
  return staging.kind === 'cluster' ? staging.choice : undefined;
}

const [ONE, TWO] = ['redis://one.example', { host: 'two.example', port: 6380 }];
const IN = 'redis in the options of spillway()';

describe('redis.cluster', () => {
  it('names some servers by URL, or by host and port', () => {
    expect(choice({ cluster: [ONE, TWO] })).toEqual({ nodes: ['one.example:6379', 'two.example:6380'], shared: {} });
  });

  it('has one user, one password and one TLS for all servers, from the URLs or from redisOptions', () => {
    const shared = { username: 'user', password: 'secret', tls: {} };
    const urls = ['rediss://user:secret@one.example', 'rediss://user:secret@two.example'];
    expect(choice({ cluster: urls })?.shared).toEqual(shared);
    expect(choice({ cluster: [ONE, TWO], redisOptions: shared })?.shared).toEqual(shared);
    expect(choice({ cluster: urls, redisOptions: { password: 'newer' } })?.shared).toEqual({
      ...shared,
      password: 'newer',
    });
  });

  it('translates addresses by an object or by a function', () => {
    const inner = { '10.0.0.1:6379': { host: 'localhost', port: 7001 } };
    for (const natMap of [inner, (address: string) => inner[address as keyof typeof inner]]) {
      const read = choice({ cluster: [ONE], natMap });
      expect(read?.natMap?.('10.0.0.1:6379')).toBe('localhost:7001');
      expect(read?.natMap?.('10.0.0.2:6379')).toBeUndefined();
    }
  });

  it('may be a Cluster of ioredis, whose servers, options and natMap are read', () => {
    const natMap = { '10.0.0.1:6379': { host: 'localhost', port: 7001 } };
    const client = new Cluster(['redis://one.example:7000', { host: 'two.example' }, 7002], {
      lazyConnect: true,
      redisOptions: { password: 'secret', keyPrefix: 'mine:', connectTimeout: 5 },
      natMap,
    });
    const read = choice(client);
    expect(read).toMatchObject({
      nodes: ['one.example:7000', 'two.example:6379', 'localhost:7002'],
      shared: { password: 'secret' },
    });
    expect(read?.natMap?.('10.0.0.1:6379')).toBe('localhost:7001');
    expect(client.status).toBe('wait');
  });
});

describe('redis.cluster is refused', () => {
  it.each([
    [{ cluster: ONE }, `cluster of ${IN} is a text of 19 characters; it must be a list of servers`],
    [{ cluster: [] }, `cluster of ${IN} is empty. Name some servers of the Redis Cluster`],
    [{ cluster: [ONE], natmap: {} }, `${IN} has "natmap" beside "cluster". Did you mean "natMap"?`],
    [{ cluster: [ONE], password: 'secret' }, `${IN} has "password" beside "cluster". Give it in "redisOptions"`],
    [{ cluster: [ONE], scaleReads: 'all' }, `${IN} has "scaleReads" beside "cluster". Remove it`],
    [
      { cluster: ['redis://one.example/3'] },
      `cluster[0] of ${IN} names a database. A Redis Cluster has database 0 alone`,
    ],
    [
      { cluster: [{ path: '/run/redis.sock' }] },
      `cluster[0] of ${IN} has "path". Name a server of the cluster by host and port`,
    ],
    [
      { cluster: [new Redis({ lazyConnect: true })] },
      `cluster[0] of ${IN} is a client. Give the host and the port of the server, or its URL`,
    ],
    [
      { cluster: ['redis://:secret@one.example', 'redis://:other@two.example'] },
      `cluster[1] of ${IN} has another "password" than cluster[0]. Servers of one cluster have the same; give it in "redisOptions"`,
    ],
    [
      { cluster: [ONE], redisOptions: 'secret' },
      `redisOptions of ${IN} is no object; it must be options of ioredis, such as { password: '...' }`,
    ],
    [
      { cluster: [ONE], redisOptions: { pasword: 'secret' } },
      `redisOptions of ${IN} has "pasword". Did you mean "password"?`,
    ],
    [
      { cluster: [ONE], redisOptions: { sentinels: [] } },
      `redisOptions of ${IN} has "sentinels". It may have username, password, tls, family, keepAlive, noDelay, connectionName, clientInfoTag, disableClientInfo`,
    ],
    [{ cluster: [ONE], natMap: 'x' }, `natMap of ${IN} is 'x'; it must be an object or a function`],
    [
      { cluster: [ONE], natMap: { '10.0.0.1:6379': 'localhost' } },
      `natMap of ${IN} gives 10.0.0.1:6379 no place. Give host and port: { '10.0.0.1:6379': { host, port } }`,
    ],
    [
      Object.assign(new Cluster([{ host: 'one.example' }], { lazyConnect: true }), { startupNodes: undefined }),
      `${IN} is an ioredis Cluster that names no servers. Give them as { cluster: [...] }`,
    ],
  ])('%#', (redis, message) => {
    expect(() => choice(redis)).toThrow(message);
    expect(() => choice(redis)).not.toThrow('secret');
  });
});

it('reshard() takes a cluster, with or without another number of shards', () => {
  const redis = { cluster: ['redis://one.example'] };
  expect(resolveNewMap({ redis })).toEqual({
    on: { kind: 'cluster', choice: { nodes: ['one.example:6379'], shared: {} } },
  });
  expect(resolveNewMap({ redis, shards: 24 })).toMatchObject({ shards: 24 });
  expect(() => resolveNewMap({ redis: { cluster: [] } })).toThrow(
    /cluster of redis in the map of reshard\(\) is empty/u,
  );
});
