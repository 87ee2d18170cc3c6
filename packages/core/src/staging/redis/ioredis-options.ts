import type { RedisOptions } from 'ioredis';

type KeptOption =
  | 'host'
  | 'port'
  | 'path'
  | 'family'
  | 'tls'
  | 'username'
  | 'password'
  | 'db'
  | 'Connector'
  | 'keepAlive'
  | 'noDelay'
  | 'connectionName'
  | 'clientInfoTag'
  | 'disableClientInfo'
  | 'sentinels'
  | 'name'
  | 'sentinelUsername'
  | 'sentinelPassword'
  | 'sentinelTLS'
  | 'enableTLSForSentinelMode'
  | 'natMap'
  | 'updateSentinels';

/**
 * What becomes of each option of ioredis.
 *
 * - `kept`: it says where Redis is, who asks, or how the connection is made
 * - `set`: it changes what commands answer, or when they are sent and answered. Spillway sets it itself, also in a
 *   client that is duplicated
 *
 * The type has every option of the newest ioredis, so that a new one does not compile before somebody has looked at it.
 */
export const IOREDIS_OPTIONS: {
  readonly [Name in keyof RedisOptions]-?: Name extends KeptOption ? 'kept' : 'set';
} = {
  host: 'kept',
  port: 'kept',
  path: 'kept',
  family: 'kept',
  tls: 'kept',
  username: 'kept',
  password: 'kept',
  db: 'kept',
  Connector: 'kept',
  keepAlive: 'kept',
  noDelay: 'kept',
  connectionName: 'kept',
  clientInfoTag: 'kept',
  disableClientInfo: 'kept',
  sentinels: 'kept',
  name: 'kept',
  sentinelUsername: 'kept',
  sentinelPassword: 'kept',
  sentinelTLS: 'kept',
  enableTLSForSentinelMode: 'kept',
  natMap: 'kept',
  updateSentinels: 'kept',

  role: 'set',
  preferredSlaves: 'set',
  failoverDetector: 'set',
  sentinelMaxConnections: 'set',
  sentinelCommandTimeout: 'set',
  sentinelRetryStrategy: 'set',
  sentinelReconnectStrategy: 'set',
  connectTimeout: 'set',
  disconnectTimeout: 'set',
  commandTimeout: 'set',
  socketTimeout: 'set',
  blockingTimeout: 'set',
  blockingTimeoutGrace: 'set',
  maxLoadingRetryTime: 'set',
  retryStrategy: 'set',
  reconnectOnError: 'set',
  maxRetriesPerRequest: 'set',
  lazyConnect: 'set',
  enableReadyCheck: 'set',
  enableOfflineQueue: 'set',
  offlineQueue: 'set',
  commandQueue: 'set',
  autoResendUnfulfilledCommands: 'set',
  autoResubscribe: 'set',
  enableAutoPipelining: 'set',
  autoPipeliningIgnoredCommands: 'set',
  keyPrefix: 'set',
  protocol: 'set',
  replyMapping: 'set',
  stringNumbers: 'set',
  readOnly: 'set',
  monitor: 'set',
  scripts: 'set',
  himportFieldsets: 'set',
  showFriendlyErrorStack: 'set',
};

export type OwnOptions = { readonly [Name in Exclude<keyof RedisOptions, KeptOption>]-?: RedisOptions[Name] } & {
  readonly replyMapping: 'legacy';
};

const GOODBYE_MS = 50;

export interface OwnSettings {
  /** Most milliseconds for one step: a connection, an answer. */
  readonly commandTimeoutMs: number;
  /**
   * Whether the connection has been open before. Until then one round of questions is enough: whoever opens it is told
   * why it failed.
   */
  readonly hasBeenOpen: () => boolean;
}

/**
 * The options that are not the user's to choose. The namespace is the only prefix of keys; nothing is queued, sent
 * again, or given up by anybody but Spillway; and the connection always comes back.
 */
export function ownOptions({ commandTimeoutMs, hasBeenOpen }: OwnSettings): OwnOptions {
  return {
    // A replica takes no changes. The sentinels are listened to: a primary that was frozen, and replaced meanwhile,
    // would take changes until it learns of that itself.
    role: 'master',
    preferredSlaves: undefined,
    failoverDetector: true,
    sentinelMaxConnections: 10,
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: (attempt) => (hasBeenOpen() ? backOff(attempt) : null),
    sentinelReconnectStrategy: backOff,

    connectTimeout: commandTimeoutMs,
    // A server that is frozen does not close its side.
    disconnectTimeout: GOODBYE_MS,
    commandTimeout: undefined,
    socketTimeout: undefined,
    blockingTimeout: undefined,
    blockingTimeoutGrace: undefined,
    maxLoadingRetryTime: commandTimeoutMs,
    retryStrategy: backOff,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    maxRetriesPerRequest: 0,

    lazyConnect: true,
    enableReadyCheck: true,
    enableOfflineQueue: false,
    offlineQueue: undefined,
    commandQueue: undefined,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableAutoPipelining: false,
    autoPipeliningIgnoredCommands: [],

    keyPrefix: '',
    protocol: 2,
    replyMapping: 'legacy',
    stringNumbers: false,
    readOnly: false,
    monitor: false,
    scripts: undefined,
    himportFieldsets: undefined,
    showFriendlyErrorStack: false,
  };
}

/** @param attempt counts from 1 */
export function backOff(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), LONGEST_BACK_OFF_MS);
}

const LONGEST_BACK_OFF_MS = 2_000;
