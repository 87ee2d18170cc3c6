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
 * How each option of ioredis is treated.
 *
 * - `kept`: it names the server or the user, or tells how to connect
 * - `set`: it changes the answers of commands, or when they are sent and answered. Spillway sets it itself, also in a
 *   client that is duplicated
 *
 * The type has every option of the newest ioredis, so the code does not compile until a new option is added here.
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
   * True once the connection has been open. Until then the sentinels are asked for one round only, and the caller is
   * told why the opening failed.
   */
  readonly hasBeenOpen: () => boolean;
}

/**
 * The options that the application cannot choose. The namespace is the only prefix of keys. Only Spillway queues
 * commands, sends them again, or gives them up. The connection always comes back.
 */
export function ownOptions({ commandTimeoutMs, hasBeenOpen }: OwnSettings): OwnOptions {
  return {
    // A replica takes no changes. ioredis listens to the sentinels: a primary that was frozen, and replaced meanwhile,
    // would take changes until it learns of its replacement.
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
