import { LIMITED } from '@spillway/test-support';
import { Redis as AnyRedis, type RedisOptions } from 'ioredis';

/** The clients that Spillway makes by itself, as the limited user, unless the test has named one. */
export class Redis extends AnyRedis {
  constructor(options: RedisOptions) {
    const isNamed = options.username !== undefined || options.password !== undefined;
    const limited = { ...options, username: LIMITED.user, password: LIMITED.password };
    super((isNamed ? options : limited) as never);
  }
}
