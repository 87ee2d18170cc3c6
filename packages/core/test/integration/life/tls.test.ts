import { MikroORM, defineEntity, p } from '@mikro-orm/postgresql';
import {
  Certificates,
  cluster,
  database,
  type Database,
  eventually,
  freePort,
  freshNamespace,
  hasTls,
  redis,
} from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spillway, Spillway, type SpillwayOptions, WriteBehind } from '../../../src/index.js';

const Note = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary().autoincrement(false), text: p.string(), version: p.integer().version() },
});
WriteBehind()(Note.class);

describe.skipIf(!hasTls())(
  'an application whose Redis speaks only TLS, with certificates of a private authority',
  () => {
    const made = new Certificates();
    const ours = made.authority('ours');
    const ofServer = made.signed('server', ours, 'IP:127.0.0.1,DNS:localhost');
    const ofClient = made.signed('client', ours, 'DNS:client');
    const tls = { ca: ours.cert, cert: ofClient.cert, key: ofClient.key };
    const ofServers = {
      'tls-cert-file': ofServer.certFile,
      'tls-key-file': ofServer.keyFile,
      'tls-ca-cert-file': ours.certFile,
      'tls-auth-clients': 'yes',
    };
    let db: Database;
    beforeAll(async () => {
      db = await database();
    });
    afterAll(async () => {
      await db.drop();
      made[Symbol.dispose]();
    });

    async function open(options: Partial<SpillwayOptions>): Promise<MikroORM> {
      return MikroORM.init({
        entities: [Note],
        clientUrl: db.url,
        extensions: [spillway({ tables: { ensure: true }, worker: true, ...options })],
      });
    }

    /** Makes, changes and reads rows, in two processes' stead, until a worker has written them. Answers the health. */
    async function use(redisOption: SpillwayOptions['redis'] & object): Promise<unknown> {
      const namespace = freshNamespace();
      const [one, other] = [
        await open({ redis: redisOption, namespace }),
        await open({ redis: redisOption, namespace }),
      ];
      await one.schema.refresh();
      const em = one.em.fork();
      const notes = Array.from({ length: 20 }, (_, id) => em.create(Note, { id, text: 'made' }));
      await em.flush();
      expect((await other.em.fork().findOneOrFail(Note, 7)).text).toBe('made');
      for (const note of notes) note.text = 'changed';
      await em.flush();
      expect((await other.em.fork().findOneOrFail(Note, 7)).text).toBe('changed');
      expect(await other.em.fork().count(Note, { text: 'changed' })).toBe(20);
      await eventually(async () => expect(await Spillway.of(one).status()).toMatchObject({ pending: {}, inFlight: 0 }));
      const { status } = await Spillway.of(other).health();
      await Promise.all([one.close(), other.close()]);
      return status;
    }

    test('stages, looks up and is written: one server', async () => {
      await using server = await redis({ 'tls-port': 'any', ...ofServers });
      expect(await use({ host: '127.0.0.1', port: server.port, tls })).toBe('up');
    });

    test('several servers', async () => {
      await using one = await redis({ 'tls-port': 'any', ...ofServers });
      await using other = await redis({ 'tls-port': 'any', ...ofServers });
      const nodes = [one, other].map(({ port }, place) => ({
        name: `node-${place}`,
        redis: { host: '127.0.0.1', port, tls },
      }));
      expect(await use({ nodes })).toBe('up');
    });

    test('a Redis Cluster, whose servers tell the ports that speak TLS', async () => {
      const ports = await Promise.all([0, 1, 2].map(async () => freePort()));
      await using servers = await cluster(3, 0, (place) => ({
        ...ofServers,
        'tls-port': String(ports[place]),
        'tls-cluster': 'yes',
      }));
      expect(servers.servers).toHaveLength(3);
      expect(await use({ cluster: ports.map((port) => ({ host: '127.0.0.1', port })), redisOptions: { tls } })).toBe(
        'up',
      );
    });
  },
);
