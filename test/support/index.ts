export { database, loggedDatabase, type Database, type DatabaseOptions, type LoggedDatabase } from './database.js';
export { eventually, type EventuallyOptions } from './eventually.js';
export { freshNamespace } from './namespace.js';
export { postgres, type PrivatePostgres } from './postgres.js';
export { redis, type PrivateRedis } from './redis.js';
export { replicaOf, type Replica } from './replica.js';
export { sharedDatabaseUrl, sharedRedisUrl } from './shared.js';
export { TcpProxy, type Loss } from './tcp-proxy.js';
