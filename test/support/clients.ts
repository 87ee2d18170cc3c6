/** The class of clients that tests pass in. The vitest project `ioredis-5` puts another version here. */
export { Redis as GivenRedis } from 'ioredis';
