/** The classes of clients that tests pass in. The vitest project `ioredis-5` puts another version here. */
export { Cluster as GivenCluster, Redis as GivenRedis } from 'ioredis';
