import { Redis } from 'ioredis';
import { spillway } from '../../src/index.js';

spillway({ redis: 'redis://redis.example' });
spillway({ redis: new Redis({ lazyConnect: true, stringNumbers: true }) });
spillway({ redis: { sentinels: [{ host: 'redis.example', port: 26_379 }], name: 'shop' } });

// @ts-expect-error -- ioredis has no such option
spillway({ redis: { url: 'redis://redis.example' } });
// @ts-expect-error -- a client of another library does not do what is asked of one
spillway({ redis: { options: {}, duplicate: () => ({}), connect: async () => undefined } });
