import type { RedisOptions } from 'ioredis';
import { SpillwayError } from '../../errors.js';
import { closest, describeValue } from '../../policy/describe-value.js';
import { IOREDIS_OPTIONS } from '../redis/ioredis-options.js';
import { isClient, readTarget } from '../redis/redis-target.js';
import { optionsOfUrl } from '../redis/redis-url.js';
import { serverName } from '../redis/server-name.js';

/** A Redis Cluster. Its servers share the slots, and tell each other when a slot moves or a server dies. */
export interface RedisClusterOptions {
  /** Some of its servers, in any order: the others are asked for. Users, passwords and TLS are those of all servers. */
  readonly cluster: readonly (string | ClusterNode)[];
  /** What is the same for the connections to all servers: user, password, TLS and so on. @defaultValue none */
  readonly redisOptions?: SharedOptions;
  /**
   * The address that the cluster tells, as `host:port` -> the one by which this process reaches the server.
   * @defaultValue each server is reached where the cluster says
   */
  readonly natMap?: NatMap;
}

export interface ClusterNode {
  readonly host: string;
  /** @defaultValue 6379 */
  readonly port?: number;
}

/** Options of ioredis that name no place. */
export type SharedOptions = Pick<RedisOptions, SharedName>;

type Place = { readonly host: string; readonly port: number };
export type NatMap = Readonly<Record<string, Place>> | ((address: string) => Place | null | undefined);

/** A `Cluster` of ioredis: its servers, its `redisOptions` and its `natMap` are read. It is neither used nor closed. */
export interface ClusterClient {
  readonly isCluster: boolean;
  readonly options: object;
}

/** A Redis Cluster, as the options say. */
export interface ClusterChoice {
  /** Where to ask for the others: `host:port`. */
  readonly nodes: readonly string[];
  /** What is the same for the connections to all its servers. */
  readonly shared: SharedOptions;
  /** The address by which this process reaches a server, if it is another than the cluster says. */
  readonly natMap?: (address: string) => string | undefined;
}

type SharedName =
  | 'username'
  | 'password'
  | 'tls'
  | 'family'
  | 'keepAlive'
  | 'noDelay'
  | 'connectionName'
  | 'clientInfoTag'
  | 'disableClientInfo';
const SHARED: readonly SharedName[] = [
  'username',
  'password',
  'tls',
  'family',
  'keepAlive',
  'noDelay',
  'connectionName',
  'clientInfoTag',
  'disableClientInfo',
];

const KNOWN = ['cluster', 'redisOptions', 'natMap'];

export function saysCluster(given: unknown): given is object {
  if (typeof given !== 'object' || given === null || isClient(given)) return isClusterClient(given);
  return isClusterClient(given) || Object.hasOwn(given, 'cluster');
}

function isClusterClient(given: unknown): given is ClusterClient {
  return typeof given === 'object' && given !== null && Reflect.get(given, 'isCluster') === true;
}

/**
 * Checks the Redis Cluster that is given as `{ cluster: [...] }`, or as a `Cluster` of ioredis.
 *
 * @param where as messages call it: `redis in the options of spillway()`
 * @throws SpillwayError `CONFIG_INVALID` that names the bad option, without its value, because it may be a password
 */
export function readCluster(given: object, where: string): ClusterChoice {
  return isClusterClient(given) ? readClient(given, where) : readOptions(given, where);
}

function readOptions(given: object, where: string): ClusterChoice {
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    const guess = closest(unknown, KNOWN);
    const isShared = Object.hasOwn(IOREDIS_OPTIONS, unknown);
    const hint = isShared
      ? 'Give it in "redisOptions"'
      : guess === undefined
        ? 'Remove it'
        : `Did you mean "${guess}"?`;
    throw refused(where, `has "${unknown}" beside "cluster". ${hint}`);
  }
  const listed: unknown = Reflect.get(given, 'cluster');
  if (!Array.isArray(listed))
    throw refused(`cluster of ${where}`, `is ${describeValue(listed)}; it must be a list of servers`);
  if (listed.length === 0) throw refused(`cluster of ${where}`, 'is empty. Name some servers of the Redis Cluster');
  const nodes = listed.map((each: unknown, index) => readNode(each, `cluster[${index}] of ${where}`));
  const shared = readShared(Reflect.get(given, 'redisOptions'), `redisOptions of ${where}`);
  const natMap = readNatMap(Reflect.get(given, 'natMap'), `natMap of ${where}`);
  return {
    nodes: nodes.map(serverName),
    shared: { ...agreed(nodes, where), ...shared },
    ...(natMap && { natMap }),
  };
}

/** ioredis keeps what it was given; options that Spillway sets itself are left out, as in any client. */
function readClient(given: ClusterClient, where: string): ClusterChoice {
  const startNodes: unknown = Reflect.get(given, 'startupNodes');
  if (!Array.isArray(startNodes) || startNodes.length === 0)
    throw refused(where, 'is an ioredis Cluster that names no servers. Give them as { cluster: [...] }');
  const nodes = startNodes.map((each: unknown, index) => {
    const place = typeof each === 'number' ? { port: each } : typeof each === 'string' ? urlOf(each) : each;
    return readNode(withoutDatabase(place), `server ${index} of the Cluster in ${where}`);
  });
  const redisOptions: unknown = Reflect.get(given.options, 'redisOptions');
  const natMap = readNatMap(Reflect.get(given.options, 'natMap'), `natMap of ${where}`);
  return {
    nodes: nodes.map(serverName),
    shared: { ...agreed(nodes, where), ...sharedOf(redisOptions ?? {}) },
    ...(natMap && { natMap }),
  };
}

/** ioredis takes `host:port` without a scheme. */
function urlOf(text: string): string {
  return /^rediss?:\/\//u.test(text) ? text : `redis://${text}`;
}

/** ioredis leaves the database of a start node out. */
function withoutDatabase(place: unknown): unknown {
  return typeof place === 'object' && place !== null ? { ...place, db: 0 } : place;
}

function readNode(given: unknown, where: string): RedisOptions {
  const target = readTarget(given, where);
  if (typeof target !== 'string' && isClient(target))
    throw refused(where, 'is a client. Give the host and the port of the server, or its URL');
  const options = typeof target === 'string' ? optionsOfUrl(target, where) : target;
  for (const name of ['path', 'sentinels', 'Connector'] as const)
    if (options[name] !== undefined)
      throw refused(where, `has "${name}". Name a server of the cluster by host and port`);
  if ((options.db ?? 0) !== 0) throw refused(where, 'names a database. A Redis Cluster has database 0 alone');
  return options;
}

/** User, password and TLS of the servers, which must be the same. */
function agreed(nodes: readonly RedisOptions[], where: string): SharedOptions {
  const [first = {}, ...others] = nodes;
  for (const [at, other] of others.entries())
    for (const name of ['username', 'password', 'tls'] as const)
      if (JSON.stringify(other[name]) !== JSON.stringify(first[name]))
        throw refused(
          `cluster[${at + 1}] of ${where}`,
          `has another "${name}" than cluster[0]. Servers of one cluster have the same; give it in "redisOptions"`,
        );
  return sharedOf(first);
}

function sharedOf(options: object): SharedOptions {
  const found = SHARED.filter((name) => Reflect.get(options, name) !== undefined);
  return Object.fromEntries(found.map((name) => [name, Reflect.get(options, name)]));
}

function readShared(given: unknown, where: string): SharedOptions {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw refused(where, `is no object; it must be options of ioredis, such as { password: '...' }`);
  const known: readonly string[] = SHARED;
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return sharedOf(given);
  const guess = closest(unknown, known);
  throw refused(
    where,
    `has "${unknown}". ${guess === undefined ? `It may have ${known.join(', ')}` : `Did you mean "${guess}"?`}`,
  );
}

function readNatMap(given: unknown, where: string): ((address: string) => string | undefined) | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'function')
    return (address) => placeText((given as Extract<NatMap, (...args: never) => unknown>)(address));
  if (typeof given !== 'object') throw refused(where, `is ${describeValue(given)}; it must be an object or a function`);
  for (const [address, place] of Object.entries(given))
    if (placeText(place) === undefined)
      throw refused(where, `gives ${address} no place. Give host and port: { '${address}': { host, port } }`);
  return (address) => placeText(Reflect.get(given, address));
}

function placeText(place: unknown): string | undefined {
  if (typeof place !== 'object' || place === null) return undefined;
  const { host, port } = place as Partial<Place>;
  return typeof host === 'string' && Number.isSafeInteger(Number(port)) ? `${host}:${port}` : undefined;
}

function refused(where: string, why: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${where} ${why}`);
}
