import type { RedisOptions } from 'ioredis';
import { SpillwayError } from '../../errors.js';
import { closest, describeValue } from '../../policy/describe-value.js';
import { isClient, readTarget, type RedisTarget } from '../redis/redis-target.js';
import { optionsOfUrl } from '../redis/redis-url.js';
import { serverName } from '../redis/server-name.js';

/** Several Redis servers that know nothing of each other. Each has some of the shards of the namespace. */
export interface RedisNodes {
  /**
   * The servers, in any order. All processes must be given the same names. A name is part of the data: the shards of a
   * server follow its name to another address.
   */
  readonly nodes: readonly (RedisTarget | NamedNode)[];
  /**
   * Name of each node -> its shards, each shard once.
   * @defaultValue even shares, which follow from the names
   */
  readonly shards?: Readonly<Record<string, readonly number[]>>;
}

export interface NamedNode {
  /**
   * 1 to 64 letters, digits, `.`, `_`, `:`, `/` or `-`.
   * @defaultValue host, port and database: `redis.example:6379/0`
   */
  readonly name?: string;
  /** Where it is, as `redis` says it for a single server. */
  readonly redis: RedisTarget;
}

/** One server of several, as the options say. */
export interface NodeChoice {
  readonly name: string;
  readonly target: RedisTarget;
}

export interface NodesChoice {
  readonly nodes: readonly NodeChoice[];
  /** Absent: even shares. */
  readonly shares?: ReadonlyMap<string, readonly number[]>;
}

const NAME = /^[\w.:/-]{1,64}$/u;
const MOST_NODES = 1_000;
const MOST_SHARDS = 4_096;

export function saysNodes(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !isClient(given) && Object.hasOwn(given, 'nodes');
}

/**
 * Checks the servers that are given as `{ nodes: [...] }`.
 *
 * @param where as messages call it: `redis in the options of spillway()`
 * @throws SpillwayError `CONFIG_INVALID` that names the bad server by its place, without its value
 */
export function readNodes(given: object, where: string): NodesChoice {
  refuseOthers(given, ['nodes', 'shards'], where);
  const listed: unknown = Reflect.get(given, 'nodes');
  if (!Array.isArray(listed))
    throw refused(`nodes of ${where}`, `is ${describeValue(listed)}; it must be a list of servers`);
  if (listed.length === 0) throw refused(`nodes of ${where}`, 'is empty. Name the Redis servers that have the shards');
  if (listed.length > MOST_NODES)
    throw refused(`nodes of ${where}`, `has ${listed.length} servers; ${MOST_NODES} are the most`);
  const nodes = listed.map((each: unknown, index) => readNode(each, `nodes[${index}] of ${where}`));
  refuseTwins(nodes, where);
  const shares = readShares(Reflect.get(given, 'shards'), nodes, `shards of ${where}`);
  return { nodes, ...(shares && { shares }) };
}

interface Read extends NodeChoice {
  /** Host, port and database; `undefined`: only ioredis knows. */
  readonly address: string | undefined;
}

function readNode(given: unknown, where: string): Read {
  const isNamed = typeof given === 'object' && given !== null && Object.hasOwn(given, 'redis');
  if (isNamed) refuseOthers(given, ['name', 'redis'], where);
  const target = readTarget(isNamed ? Reflect.get(given, 'redis') : given, isNamed ? `redis of ${where}` : where);
  const name: unknown = isNamed ? Reflect.get(given, 'name') : undefined;
  const address = addressOf(target, where);
  if (name === undefined) {
    if (address !== undefined && NAME.test(address)) return { name: address, target, address };
    throw refused(where, `has no name, and its place makes none. Give it one: { name: 'one', redis: ... }`);
  }
  if (typeof name !== 'string' || !NAME.test(name))
    throw refused(
      where,
      `has the name ${describeValue(name)}; it must be 1 to 64 letters, digits, '.', '_', ':', '/' or '-'`,
    );
  return { name, target, address };
}

/** Host, port and database, without user and password; `undefined`: only ioredis knows. */
export function addressOf(target: RedisTarget, where: string): string | undefined {
  const options = (
    typeof target === 'string' ? optionsOfUrl(target, where) : isClient(target) ? target.options : target
  ) as RedisOptions;
  if (Reflect.get(options, 'Connector') !== undefined) return undefined;
  const { sentinels, name, db = 0 } = options;
  if (sentinels && sentinels.length > 0) return `${name}/${db}`;
  return `${serverName(options)}/${db}`;
}

/** Two names for one server would put two maps into one place. */
function refuseTwins(nodes: readonly Read[], where: string): void {
  for (const [index, node] of nodes.entries()) {
    const other = nodes.slice(0, index).findIndex((before) => before.name === node.name);
    if (other >= 0)
      throw refused(
        `nodes[${index}] of ${where}`,
        `has the name "${node.name}" of nodes[${other}]. Each server is given once`,
      );
    const twin = nodes.slice(0, index).findIndex(({ address }) => address !== undefined && address === node.address);
    if (twin >= 0)
      throw refused(`nodes[${index}] of ${where}`, `is the server of nodes[${twin}]. Each server is given once`);
  }
}

function readShares(
  given: unknown,
  nodes: readonly NodeChoice[],
  where: string,
): ReadonlyMap<string, readonly number[]> | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw refused(
      where,
      `is ${describeValue(given)}; it must say which node has which shards: { one: [0, 1], two: [2, 3] }`,
    );
  const names = nodes.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw refused(where, `names a node that is not in nodes. There are ${names.join(', ')}`);
  const shares = new Map(names.map((name): [string, readonly number[]] => [name, listIn(given, name, where)]));
  const all = [...shares.values()].flat().toSorted((one, other) => one - other);
  if (all.length > MOST_SHARDS) throw refused(where, `has ${all.length} shards; ${MOST_SHARDS} are the most`);
  const wrong = all.findIndex((shard, place) => shard !== place);
  if (wrong >= 0)
    throw refused(
      where,
      `does not have each shard once: see shard ${Math.min(wrong, all[wrong] ?? 0)}. Shards are numbered from 0`,
    );
  return shares;
}

function listIn(given: object, name: string, where: string): readonly number[] {
  const shards: unknown = Object.hasOwn(given, name) ? Reflect.get(given, name) : undefined;
  const isShard = (each: unknown): each is number => Number.isSafeInteger(each) && (each as number) >= 0;
  if (Array.isArray(shards) && shards.length > 0 && shards.every(isShard))
    return shards.toSorted((one, other) => one - other);
  throw refused(where, `gives "${name}" no list of shards, such as [0, 1]. Each node has a shard at least`);
}

function refuseOthers(given: object, known: readonly string[], where: string): void {
  const name = Object.keys(given).find((each) => !known.includes(each));
  if (name === undefined) return;
  const guess = closest(name, known);
  const hint = guess === undefined ? 'Options of a server stand in the server itself' : `Did you mean "${guess}"?`;
  throw refused(where, `has "${name}" beside "${known.at(-1) === 'redis' ? 'redis' : 'nodes'}". ${hint}`);
}

function refused(where: string, why: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${where} ${why}`);
}
