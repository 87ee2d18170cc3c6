import { anotherIoredis } from '@spillway/test-support';
import { Cluster, Redis, SentinelConnector } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { SpillwayOptions } from '../../../src/options.js';
import { resolveOptions } from '../../../src/resolve-options.js';

/** Tests hand over what a caller without types could write. */
function target(redis: unknown): unknown {
  const { staging } = resolveOptions({ redis } as SpillwayOptions<[]>);
  return staging.kind === 'redis' ? staging.target : undefined;
}

describe('redis', () => {
  it('may be a client, known by what it can do: also one of another copy of ioredis', () => {
    const other = anotherIoredis();
    const client = new other.Redis({ host: 'redis.example', lazyConnect: true });
    expect(client).not.toBeInstanceOf(Redis);
    expect(target(client)).toBe(client);
    expect(client.status).toBe('wait');
  });

  it.each([
    [{ host: 'redis.example' }],
    [{ port: 6380 }],
    [{ host: '::1', port: '6380', db: '3', password: undefined }],
    [{ path: '/run/redis.sock' }],
    [{ sentinels: [{ host: 'one.example' }, { port: 26_380 }], name: 'shop' }],
    [{ sentinels: undefined, name: 'shop', host: 'redis.example' }],
    [{ Connector: SentinelConnector }],
    ['redis://redis.example'],
    ['redis://:p%40ss@[::1]:6380/3?family=6'],
    ['rediss://user:secret@redis.example/0?connectionName=shop'],
  ])('may be %j', (redis) => {
    expect(() => target(redis)).not.toThrow();
  });
});

const IN = 'redis in the options of spillway()';

describe('redis is refused, so that no process stages into localhost:6379 by mistake:', () => {
  it.each([
    [{}, `${IN} names no place. Give host and port, the path of a socket, or sentinels and name`],
    [{ password: 'secret' }, `${IN} names no place`],
    [{ host: undefined }, `${IN} has "host" without a value. If it comes from the environment, see whether it is set`],
    [{ host: undefined, port: 6379 }, `${IN} has "host" without a value`],
    [{ host: '', port: 6379 }, `${IN} has "host" without a value`],
    [{ path: '' }, `${IN} has "path" without a value`],
    [{ port: 'x', host: 'a' }, `${IN} has "port" that is no whole number from 1 to 65535`],
    [{ port: 0 }, `${IN} has "port" that is no whole number from 1 to 65535`],
    [{ host: 'redis://:secret@redis.example' }, `${IN} has a "host" that is no name and no address. Give a URL`],
    [{ sentinels: [], name: 'shop' }, `${IN} names no sentinels. Give them as sentinels: [{ host, port }]`],
    [{ sentinels: [{ host: 'a' }] }, `${IN} does not say which master the sentinels are asked for. Give its "name"`],
    [{ sentinels: [{}], name: 'shop' }, `sentinels[0] of ${IN} names no place`],
    [{ sentinels: [{ host: undefined }], name: 'shop' }, `sentinels[0] of ${IN} has "host" without a value`],
    [{ name: 'shop' }, `${IN} names no place`],
    ['redis://', `${IN} is a URL without a host`],
    ['redis:6379', `${IN} is a URL without a host`],
  ])('no place in %j', (redis, message) => {
    expect(() => target(redis)).toThrow(message);
  });

  it.each([
    [{ url: 'redis://:secret@redis.example' }, '"url". Give the URL itself, in the place of the object'],
    [{ uri: 'redis://:secret@redis.example' }, '"uri". Give the URL itself'],
    [{ socket: { host: 'redis.example' } }, '"socket". host, port, path and tls stand beside the other options'],
    [{ host: 'a', passwrod: 'secret' }, '"passwrod". Did you mean "password"?'],
    [{ host: 'a', database: 3 }, '"database". Did you mean "db"?'],
    [{ host: 'a', somethingElse: 3 }, '"somethingElse". Remove it'],
    [new URL('redis://redis.example'), 'is an object of the class URL. Give its text'],
  ])('a key that ioredis does not know in %j', (redis, message) => {
    const thrown = failureOf(() => target(redis));
    expect(thrown).toContain(message);
    expect(thrown).not.toContain('secret');
  });

  it('a client of another library', () => {
    const client = {
      options: {},
      connect: async () => undefined,
      duplicate: () => client,
      sendCommand: () => undefined,
    };
    expect(() => target(client)).toThrow(
      `${IN} is a client of another library than ioredis. Give the URL of the server`,
    );
  });

  it('what only a Cluster has, and a Cluster as one of several nodes', () => {
    const cluster = new Cluster([{ host: 'redis.example' }], { lazyConnect: true });
    expect(() => target({ nodes: [cluster] })).toThrow('is about several servers (an ioredis Cluster)');
    expect(() => target({ host: 'a', scaleReads: 'slave' })).toThrow('is about several servers (scaleReads)');
  });

  it('a replica, as options and as a client', () => {
    const replica = { sentinels: [{ host: 'a' }], name: 'shop', role: 'slave' as const, lazyConnect: true };
    const message = `${IN} says role: 'slave', and a replica takes no changes. Leave "role" out`;
    expect(() => target(replica)).toThrow(message);
    expect(() => target(new Redis(replica))).toThrow(message);
  });

  it.each([
    ['redis://a/shop', 'is a URL whose database is no number'],
    ['redis://a/1/2', 'is a URL whose database is no number'],
    ['redis://a/-1', 'is a URL whose database is no number'],
    ['redis://a?db=shop', 'is a URL whose database is no number'],
    [{ host: 'a', db: 'shop' }, 'has "db" that is no whole number from 0 on'],
    [{ host: 'a', db: '' }, 'has "db" that is no whole number'],
    [{ host: 'a', db: -1 }, 'has "db" that is no whole number'],
    [{ host: 'a', db: 1.5 }, 'has "db" that is no whole number'],
    [{ host: 'a', db: Number.NaN }, 'has "db" that is no whole number'],
  ])('a database that is none, of which ioredis would make 0, in %j', (redis, message) => {
    expect(() => target(redis)).toThrow(message);
  });

  it('a URL with an option, which would win over those that Spillway sets; its value is not shown', () => {
    const thrown = failureOf(() => target('redis://redis.example?keyPrefix=secret'));
    expect(thrown).toContain(
      `${IN} is a URL with the parameter "keyPrefix". A URL may have db, family, connectionName`,
    );
    expect(thrown).not.toContain('secret');
    expect(() => target('redis://redis.example?enableOfflineQueue=true')).toThrow('"enableOfflineQueue"');
  });

  it('a URL whose password is not encoded', () => {
    expect(() => target('redis://:100%secret@redis.example')).toThrow('is a URL whose user or password is not encoded');
  });
});

function failureOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return String(error);
  }
  return 'nothing was thrown';
}
