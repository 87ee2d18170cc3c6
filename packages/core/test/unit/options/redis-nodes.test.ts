import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { SpillwayOptions } from '../../../src/options.js';
import { resolveOptions } from '../../../src/resolve-options.js';

/** Tests hand over what a caller without types could write. */
function choice(redis: unknown, more: object = {}) {
  const resolved = resolveOptions({ redis, ...more } as SpillwayOptions<[]>);
  return resolved.staging.kind === 'nodes' ? { ...resolved.staging.choice, number: resolved.shards } : undefined;
}

function names(nodes: readonly unknown[]): unknown {
  return choice({ nodes })?.nodes.map(({ name }) => name);
}

const [ONE, TWO] = ['redis://one.example', 'redis://two.example:6380/3'];
const IN = 'redis in the options of spillway()';

describe('redis.nodes', () => {
  it('names a server by its host, port and database, without user and password', () => {
    const client = new Redis({ host: 'four.example', db: 2, lazyConnect: true });
    const sentinels = { sentinels: [{ host: 'watch.example' }], name: 'shop' };
    expect(names(['redis://user:secret@one.example', TWO, { host: '::1', port: 6381 }, client, sentinels])).toEqual([
      'one.example:6379/0',
      'two.example:6380/3',
      '::1:6381/0',
      'four.example:6379/2',
      'shop/0',
    ]);
  });

  it('may be one server, and may have names, which stay when a server moves', () => {
    expect(names([ONE])).toEqual(['one.example:6379/0']);
    expect(choice({ nodes: [{ name: 'one', redis: ONE }, { redis: TWO }] })?.nodes).toMatchObject([
      { name: 'one', target: ONE },
      { name: 'two.example:6380/3', target: TWO },
    ]);
  });

  it('may say which node has which shards, and so how many there are', () => {
    const nodes = [
      { name: 'one', redis: ONE },
      { name: 'two', redis: TWO },
    ];
    const read = choice({ nodes, shards: { one: [3, 0], two: [1, 2] } });
    expect(read?.shares).toEqual(
      new Map([
        ['one', [0, 3]],
        ['two', [1, 2]],
      ]),
    );
    expect(read?.number).toBe(4);
    expect(choice({ nodes }, { shards: 32 })?.number).toBe(32);
    expect(choice({ nodes })?.number).toBeUndefined();
  });
});

describe('redis.nodes is refused', () => {
  const named = (name: unknown, redis: unknown = ONE): object => ({ name, redis });
  it.each([
    [{ nodes: [] }, `nodes of ${IN} is empty. Name the Redis servers that have the shards`],
    [{ nodes: ONE }, `nodes of ${IN} is a text of 19 characters; it must be a list of servers`],
    [{ nodes: Array(1_001).fill(ONE) }, `nodes of ${IN} has 1001 servers; 1000 are the most`],
    [{ nodes: [ONE], host: 'a' }, `${IN} has "host" beside "nodes". Options of a server stand in the server itself`],
    [{ nodes: [ONE], shard: {} }, `${IN} has "shard" beside "nodes". Did you mean "shards"?`],
    [{ nodes: [ONE, 5] }, `nodes[1] of ${IN} is 5; it must be a URL, ioredis options or an ioredis client`],
    [{ nodes: [ONE, 'redis://'] }, `nodes[1] of ${IN} is a URL without a host`],
    [{ nodes: [{ nodes: [ONE] }] }, `nodes[0] of ${IN} is about several servers (nodes)`],
    [{ nodes: [{ name: 'one', redis: {} }] }, `redis of nodes[0] of ${IN} names no place`],
    [{ nodes: [{ name: 'one', redis: ONE, db: 1 }] }, `nodes[0] of ${IN} has "db" beside "redis"`],
    [{ nodes: [named('')] }, `nodes[0] of ${IN} has the name ''; it must be 1 to 64 letters, digits`],
    [{ nodes: [named('a b')] }, `nodes[0] of ${IN} has the name a text of 3 characters; it must be 1 to 64 letters`],
    [{ nodes: [named(5)] }, `nodes[0] of ${IN} has the name 5; it must be 1 to 64 letters`],
    [
      { nodes: [{ path: `/run/${'x'.repeat(70)}.sock` }] },
      `nodes[0] of ${IN} has no name, and its place makes none. Give it one: { name: 'one', redis: ... }`,
    ],
    [
      { nodes: [named('one'), named('one', TWO)] },
      `nodes[1] of ${IN} has the name "one" of nodes[0]. Each server is given once`,
    ],
    [
      { nodes: [named('one'), named('two', { host: 'one.example', password: 'x' })] },
      `nodes[1] of ${IN} is the server of nodes[0]. Each server is given once`,
    ],
    [{ nodes: [ONE], shards: [[0]] }, `shards of ${IN} is an array; it must say which node has which shards`],
    [
      { nodes: [named('one')], shards: { two: [0] } },
      `shards of ${IN} names a node that is not in nodes. There are one`,
    ],
    [{ nodes: [named('one')], shards: {} }, `shards of ${IN} gives "one" no list of shards, such as [0, 1]`],
    [{ nodes: [named('one')], shards: { one: [] } }, `shards of ${IN} gives "one" no list of shards`],
    [{ nodes: [named('one')], shards: { one: [-1] } }, `shards of ${IN} gives "one" no list of shards`],
    [
      { nodes: [named('one'), named('two', TWO)], shards: { one: [0, 1], two: [1, 2] } },
      `shards of ${IN} does not have each shard once: see shard 1. Shards are numbered from 0`,
    ],
    [
      { nodes: [named('one'), named('two', TWO)], shards: { one: [0, 1], two: [3] } },
      `shards of ${IN} does not have each shard once: see shard 2`,
    ],
  ])('as %j', (redis, message) => {
    expect(() => choice(redis)).toThrow(message);
  });

  it('with another number of shards than its list has', () => {
    expect(() => choice({ nodes: [named('one')], shards: { one: [0, 1] } }, { shards: 3 })).toThrow(
      'shards in the options of spillway() is 3; it must be left out, or be 2 as in redis.shards',
    );
  });

  it('with more shards listed than there may be', () => {
    const shards = { one: [...Array(4_097).keys()] };
    expect(() => choice({ nodes: [named('one')], shards })).toThrow(
      `shards of ${IN} has 4097 shards; 4096 are the most`,
    );
  });

  it('without showing a password', () => {
    const bad = { nodes: [{ name: 'one', redis: 'redis://:secret@one.example?keyPrefix=x' }] };
    expect(() => choice(bad)).toThrow(/^redis of nodes\[0\] of (?!.*secret)/u);
  });
});
