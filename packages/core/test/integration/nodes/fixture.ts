import { defineEntity, MikroORM, p, type EntitySchema } from '@mikro-orm/postgresql';
import { database, freshNamespace, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { shardOf, rowKeyOf } from '../../../src/change/row-key.js';
import { spillway, Spillway, type SpillwayEvent, type SpillwayOptions } from '../../../src/index.js';
import { ShardMap } from '../../../src/staging/nodes/shard-map.js';

const SHARDS = 16;

export const Book: EntitySchema<{ id: number; title: string; sold: number; version: number }> = defineEntity({
  name: 'Book',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    sold: p.integer().default(0),
    version: p.integer().version(),
  },
});

/** Books on some Redis servers of a test's own, and a database of its own. */
export class Library implements AsyncDisposable {
  readonly namespace = freshNamespace();
  readonly servers: readonly PrivateRedis[];
  readonly map: ShardMap;
  readonly #db: Database;
  readonly #opened: MikroORM[] = [];

  private constructor(db: Database, servers: readonly PrivateRedis[]) {
    this.#db = db;
    this.servers = servers;
    this.map = new ShardMap(
      servers.map((_, place) => `node-${place}`),
      SHARDS,
    );
  }

  static async on(count: number): Promise<Library> {
    const servers = await Promise.all(Array.from({ length: count }, async () => redis({ appendfsync: 'always' })));
    const library = new Library(await database(), servers);
    const orm = await library.open();
    await orm.schema.create();
    return library;
  }

  /** The option `redis`. */
  get nodes(): { readonly nodes: readonly { readonly name: string; readonly redis: string }[] } {
    return { nodes: this.servers.map(({ url }, place) => ({ name: `node-${place}`, redis: url })) };
  }

  get databaseUrl(): string {
    return this.#db.url;
  }

  /** Stages only, unless the options say otherwise; a worker is at work when this answers. */
  async open(options: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
    const orm = await MikroORM.init({
      entities: [Book],
      clientUrl: this.#db.url,
      useBatchUpdates: false,
      extensions: [
        spillway({
          redis: this.nodes,
          namespace: this.namespace,
          shards: SHARDS,
          worker: false,
          stageTimeout: '1s',
          tables: { ensure: true },
          policies: [[Book, { debounce: '5ms', maxDelay: '20ms', counters: ['sold'], cache: { ttl: '1m' } }]],
          ...options,
        }),
      ],
    });
    this.#opened.push(orm);
    if (options.worker === true) await Spillway.of(orm).start();
    return orm;
  }

  /** The place of the server that has the book. */
  placeOf(id: number): number {
    return this.map.placeOf(shardOf(rowKeyOf({ schema: 'public', table: 'book', key: [String(id)] }), SHARDS));
  }

  /** The first books of a server. */
  idsOf(place: number, count: number): readonly number[] {
    const ids: number[] = [];
    for (let id = 1; ids.length < count; id += 1) if (this.placeOf(id) === place) ids.push(id);
    return ids;
  }

  /** A command past Spillway. */
  async command(place: number, ...args: readonly [string, ...string[]]): Promise<unknown> {
    const client = new Redis(this.servers[place]?.url ?? '');
    try {
      return await client.call(...args);
    } finally {
      client.disconnect();
    }
  }

  /** What is in PostgreSQL. */
  async rows(orm: MikroORM): Promise<readonly number[]> {
    const rows = await orm.em.getConnection().execute<{ id: number }[]>('select id from book order by id');
    return rows.map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const orm of this.#opened) await orm.close();
    await Promise.all(this.servers.map(async (server) => server.stop()));
    await this.#db.drop();
  }
}

/** Makes books, in one flush. */
export async function makeBooks(orm: MikroORM, ids: readonly number[]): Promise<void> {
  const em = orm.em.fork();
  for (const id of ids) em.create(Book, { id, title: `book ${id}` } as never);
  await em.flush();
}

/** The events of a type, as they come. */
export function eventsOf<T extends SpillwayEvent['type']>(
  orm: MikroORM,
  type: T,
): Extract<SpillwayEvent, { type: T }>[] {
  const events: Extract<SpillwayEvent, { type: T }>[] = [];
  Spillway.of(orm).on(type, (event) => void events.push(event as never));
  return events;
}
