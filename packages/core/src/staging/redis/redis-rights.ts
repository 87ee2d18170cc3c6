import { SpillwayError } from '../../errors.js';
import type { Durability } from '../../policy/durability.js';
import { NAMESPACE } from './keys.js';
import { commandsOf, SCRIPTS } from './scripts.js';

/** What the rights depend on: the options of `spillway()` that say where the changes are. */
export interface RedisRightsOptions {
  /** The option `namespace` of `spillway()`. @defaultValue 'app' */
  readonly namespace?: string;
  /**
   * `nodes`: the servers are those of `redis: { nodes: [...] }`. `cluster`: a Redis Cluster.
   * @defaultValue 'single'
   */
  readonly topology?: RedisTopology;
  /** The number of the database on the server, as in `redis://host/1`. @defaultValue 0 */
  readonly database?: number;
  /**
   * The strictest `durability` of policies and calls; `['replicated', 'fsynced']` where some ask for the one and some
   * for the other. `'fsynced'` needs Redis 7.2 or Valkey: older servers have no such right.
   * @defaultValue 'primary'
   */
  readonly durability?: Durability | readonly Durability[];
}

/** How many servers a namespace has, and what they know of each other. */
export type RedisTopology = 'single' | 'nodes' | 'cluster';

/** Commands that are sent without a script, as an ACL writes them. */
const SENT = [
  'config|get',
  'del',
  'eval',
  'evalsha',
  'hdel',
  'hexists',
  'hget',
  'hkeys',
  'hlen',
  'hmget',
  'hscan',
  'info',
  'zadd',
];

/** What else is sent to the servers of a topology. */
const SENT_TO: Readonly<Record<RedisTopology, readonly string[]>> = {
  single: [],
  nodes: ['hsetnx'],
  cluster: ['asking', 'cluster|slots', 'hsetnx'],
};

/** What is waited for behind the scripts of a tier. */
const WAITED_FOR: Readonly<Record<Durability, readonly string[]>> = {
  primary: [],
  replicated: ['wait'],
  fsynced: ['waitaof'],
};

/**
 * The smallest rights of a Redis user that Spillway works with, as the end of `ACL SETUSER name on >password …`: the
 * commands that its scripts run and its connection sends, on keys of the namespace alone. They are made of the scripts
 * of this release, so give them again when a newer one is deployed; earlier rights may stay.
 *
 * @throws SpillwayError `CONFIG_INVALID`: no namespace can have this name
 * @example
 * console.log(`ACL SETUSER shop on >secret ${redisRights({ namespace: 'shop' })}`);
 * // ACL SETUSER shop on >secret resetkeys ~{shop:* nocommands +config|get +del +eval …
 * @example
 * redisRights({ namespace: 'shop', durability: 'replicated' }); // … +wait +zadd …
 */
export function redisRights({
  namespace = 'app',
  topology = 'single',
  database = 0,
  durability = 'primary',
}: RedisRightsOptions = {}): string {
  if (!NAMESPACE.test(namespace))
    throw new SpillwayError(
      'CONFIG_INVALID',
      `redisRights() is asked about the namespace ${JSON.stringify(namespace)}, which no namespace can be called. ` +
        "Give it the namespace of spillway(): 1 to 64 letters, digits, '.', '_', ':' or '-'",
    );
  const inScripts = Object.values(SCRIPTS).flatMap(({ source }) => [...commandsOf(source)]);
  const waits = [durability].flat().flatMap((tier: Durability) => WAITED_FOR[tier]);
  const ofDatabase = database === 0 ? [] : ['select'];
  const commands = new Set([...inScripts, ...SENT, ...SENT_TO[topology], ...ofDatabase, ...waits]);
  const given = [...commands].toSorted().map((command) => `+${command}`);
  return ['resetkeys', `~{${namespace}:*`, 'nocommands', ...given].join(' ');
}
