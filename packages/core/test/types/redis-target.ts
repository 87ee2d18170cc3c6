import { Redis } from 'ioredis';
import { spillway } from '../../src/index.js';

spillway({ redis: 'redis://redis.example' });
spillway({ redis: new Redis({ lazyConnect: true, stringNumbers: true }) });
spillway({ redis: { nodes: ['redis://one.example', { name: 'two', redis: { host: 'two.example' } }] } });
spillway({ redis: { nodes: [{ name: 'one', redis: 'redis://one.example' }], shards: { one: [0, 1] } } });
spillway({ redis: { sentinels: [{ host: 'redis.example', port: 26_379 }], name: 'shop' } });

// @ts-expect-error -- ioredis has no such option
spillway({ redis: { url: 'redis://redis.example' } });
// @ts-expect-error -- a node is one server
spillway({ redis: { nodes: [{ nodes: ['redis://one.example'] }] } });
// @ts-expect-error -- a client of another library does not do what is asked of one
spillway({ redis: { options: {}, duplicate: () => ({}), connect: async () => undefined } });
