import type { RedisOptions } from 'ioredis';
import { SpillwayError } from '../../errors.js';
import { closest, describeValue } from '../../policy/describe-value.js';
import { IOREDIS_OPTIONS } from './ioredis-options.js';
import { optionsOfUrl } from './redis-url.js';

/** Where Redis is: a URL, options of ioredis, or a client. The client is duplicated, and neither changed nor closed. */
export type RedisTarget = string | RedisOptions | RedisClient;

/** A client of ioredis, known by its methods, because it may come from another copy of ioredis than Spillway's. */
export interface RedisClient {
  readonly status: string;
  readonly options: object;
  // `object`, because a client of any version may be given. Spillway knows which options it passes.
  duplicate(override?: object): RedisClient;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  // oxlint-disable-next-line typescript/no-explicit-any -- each version of ioredis has overloads of its own
  callBuffer(command: string, ...args: any[]): Promise<unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/**
 * Checks that the given value is one place where Redis can be, without unknown options.
 *
 * @param where as messages call it: `redis in the options of spillway()`
 * @throws SpillwayError `CONFIG_INVALID` that names the bad option, without its value, because it may be a password
 */
export function readTarget(given: unknown, where: string): RedisTarget {
  if (typeof given === 'string') {
    optionsOfUrl(given, where);
    return given;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw refused(where, `is ${describeValue(given)}; it must be a URL, ioredis options or an ioredis client`);
  }
  refuseSeveral(given, where);
  if (isClient(given)) {
    refuseReplica(given.options, where);
    return given;
  }
  if ('duplicate' in given || 'sendCommand' in given) {
    throw refused(where, 'is a client of another library than ioredis. Give the URL of the server, or ioredis options');
  }
  if (given instanceof URL) throw refused(where, 'is an object of the class URL. Give its text, which is its "href"');
  refuseUnknown(given, where);
  refuseReplica(given, where);
  refuseBadPlace(given, where);
  return given;
}

export function isClient(given: object): given is RedisClient {
  const can = (name: string): boolean => typeof Reflect.get(given, name) === 'function';
  const options: unknown = Reflect.get(given, 'options');
  return (
    typeof options === 'object' &&
    options !== null &&
    ['duplicate', 'connect', 'disconnect', 'callBuffer', 'on'].every(can)
  );
}

function refuseSeveral(given: object, where: string): void {
  const isCluster = 'isCluster' in given && given.isCluster === true;
  const several = isCluster
    ? 'an ioredis Cluster'
    : ['cluster', 'nodes', 'scaleReads'].find((name) => Object.hasOwn(given, name));
  if (several === undefined) return;
  throw refused(
    where,
    `is about several servers (${several}). Give one Redis server, or one behind Sentinel; ` +
      'or several that know nothing of each other, as { nodes: [...] }, or a Redis Cluster, as { cluster: [...] }',
  );
}

/** Names that other libraries have for options of ioredis, and a hint for each. */
const MEANT: Readonly<Record<string, string>> = {
  url: 'Give the URL itself, in the place of the object',
  uri: 'Give the URL itself, in the place of the object',
  socket: 'host, port, path and tls stand beside the other options',
  hostname: 'Did you mean "host"?',
  user: 'Did you mean "username"?',
  pass: 'Did you mean "password"?',
  auth: 'Did you mean "password"?',
  database: 'Did you mean "db"?',
  ssl: 'Did you mean "tls"?',
  master: 'Did you mean "name"?',
  masterName: 'Did you mean "name"?',
};

function refuseUnknown(given: object, where: string): void {
  const known = Object.keys(IOREDIS_OPTIONS);
  const name = Object.keys(given).find((each) => !known.includes(each));
  if (name === undefined) return;
  const guess = closest(name, known);
  const hint = MEANT[name] ?? (guess === undefined ? `Remove it` : `Did you mean "${guess}"?`);
  throw refused(where, `has an option that ioredis does not know: "${name}". ${hint}`);
}

/** A replica lags behind its primary, and takes no changes. */
function refuseReplica(options: object, where: string): void {
  if (Reflect.get(options, 'role') !== 'slave') return;
  throw refused(
    where,
    `says role: 'slave', and a replica takes no changes. Leave "role" out; the primary is asked then`,
  );
}

function refuseBadPlace(given: RedisOptions, where: string): void {
  refuseBadNumber(given, 'db', { least: 0, most: Number.MAX_SAFE_INTEGER }, where);
  if (isGiven(given, 'Connector')) return;
  if (isGiven(given, 'sentinels')) return refuseBadSentinels(given, where);
  if (isGiven(given, 'path')) return refuseBadText(given, 'path', where);
  if (!hasAddress(given, where))
    throw refused(where, 'names no place. Give host and port, the path of a socket, or sentinels and name');
}

function refuseBadSentinels(given: RedisOptions, where: string): void {
  const { sentinels, name } = given;
  if (!Array.isArray(sentinels) || sentinels.length === 0)
    throw refused(where, 'names no sentinels. Give them as sentinels: [{ host, port }], with the name of the master');
  if (typeof name !== 'string' || name === '')
    throw refused(
      where,
      'does not say which master the sentinels are asked for. Give its "name", as sentinel.conf has it',
    );
  for (const [index, sentinel] of sentinels.entries()) {
    const place = `sentinels[${index}] of ${where}`;
    if (typeof sentinel !== 'object' || sentinel === null || !hasAddress(sentinel, place))
      throw refused(place, 'names no place. Give host and port');
  }
}

/** A host without a value is most likely a missing environment variable. ioredis would take `localhost`. */
function hasAddress(given: object, where: string): boolean {
  if ('host' in given) refuseBadText(given, 'host', where);
  refuseBadNumber(given, 'port', { least: 1, most: 65_535 }, where);
  const host: unknown = Reflect.get(given, 'host');
  if (typeof host === 'string' && /[/@]/u.test(host))
    throw refused(where, 'has a "host" that is no name and no address. Give a URL in the place of the whole object');
  return 'host' in given || isGiven(given, 'port');
}

function refuseBadText(given: object, name: string, where: string): void {
  const value: unknown = Reflect.get(given, name);
  if (typeof value === 'string' && value.trim() !== '') return;
  throw refused(where, `has "${name}" without a value. If it comes from the environment, see whether it is set there`);
}

function refuseBadNumber(
  given: object,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
  where: string,
): void {
  if (!isGiven(given, name)) return;
  const value: unknown = Reflect.get(given, name);
  const isText = typeof value === 'string' && /^\d{1,15}$/u.test(value);
  const number = isText ? Number(value) : value;
  if (Number.isSafeInteger(number) && (number as number) >= least && (number as number) <= most) return;
  throw refused(where, `has "${name}" that is no whole number from ${least} ${most < 1e6 ? `to ${most}` : 'on'}`);
}

/** ioredis treats `undefined` and `null` as an absent option. */
function isGiven(given: object, name: string): boolean {
  const value: unknown = Reflect.get(given, name);
  return value !== undefined && value !== null;
}

function refused(where: string, why: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${where} ${why}`);
}
