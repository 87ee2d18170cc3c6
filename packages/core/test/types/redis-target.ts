import { Cluster, Redis } from 'ioredis';
import { spillway } from '../../src/index.js';

spillway({ redis: 'redis://redis.example' });
spillway({ redis: new Redis({ lazyConnect: true, stringNumbers: true }) });
spillway({ redis: { nodes: ['redis://one.example', { name: 'two', redis: { host: 'two.example' } }] } });
spillway({ redis: { nodes: [{ name: 'one', redis: 'redis://one.example' }], shards: { one: [0, 1] } } });
spillway({ redis: { cluster: ['redis://one.example', { host: 'two.example', port: 6380 }] } });
spillway({ redis: { cluster: ['redis://one.example'], redisOptions: { password: 'secret', tls: {} } } });
spillway({ redis: { cluster: [{ host: 'a' }], natMap: { '10.0.0.1:6379': { host: 'a', port: 7001 } } } });
spillway({ redis: new Cluster(['redis://one.example'], { lazyConnect: true }) });
spillway({ redis: { sentinels: [{ host: 'redis.example', port: 26_379 }], name: 'shop' } });

// @ts-expect-error -- ioredis has no such option
spillway({ redis: { url: 'redis://redis.example' } });
// @ts-expect-error -- a node is one server
spillway({ redis: { nodes: [{ nodes: ['redis://one.example'] }] } });
// @ts-expect-error -- a client of another library does not do what is asked of one
spillway({ redis: { options: {}, duplicate: () => ({}), connect: async () => undefined } });
// @ts-expect-error -- a start node of a cluster names a host
spillway({ redis: { cluster: [{ sentinels: [], name: 'shop' }] } });
// @ts-expect-error -- the servers stand in "cluster"
spillway({ redis: { cluster: ['redis://one.example'], redisOptions: { host: 'two.example' } } });
