import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, type SpillwayOptions } from '@spillway/core';
import type { FlushSteps } from '@spillway/core/testing';
import { database, eventually, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect } from 'vitest';
import { openSite, type Place } from '../programs/site.js';
import type { Rows } from './compare.js';

export interface GroundOptions {
  /** @defaultValue the servers that the run shares */
  readonly servers?: { readonly databaseUrl?: string; readonly redisUrl?: string };
  /** Between Spillway and PostgreSQL; it makes the tables and looks at them without. */
  readonly throughUrl?: (databaseUrl: string) => string;
  readonly shards?: number;
  /** Of all applications, also of the one that only looks; by default the Redis that `servers` names. */
  readonly redis?: SpillwayOptions['redis'];
  readonly spillway?: Partial<SpillwayOptions>;
  readonly steps?: FlushSteps;
}

/** One test's site, with tables, and an application in this process. */
export interface Ground extends AsyncDisposable {
  readonly place: Place;
  /** Only stages, unless the options say otherwise. */
  readonly orm: MikroORM;
  readonly spillway: Spillway;
  /** Another ORM over the same site, closed with it. */
  open(spillway?: Partial<SpillwayOptions>, steps?: FlushSteps): Promise<MikroORM>;
  /** A statement past Spillway. */
  sql<Row>(text: string): Promise<Row[]>;
  /** All that is in the database. */
  rows(): Promise<Rows>;
  /** From now on the database notes every write of a row; answers how often each has been written since, by its key. */
  noteWrites(): Promise<() => Promise<ReadonlyMap<string, number>>>;
  /** Waits until nothing is pending any more, and makes sure that nothing became a dead letter. */
  settled(): Promise<void>;
}

/** Makes a database, and keys, of this test's own. */
export async function breakGround(options: GroundOptions = {}): Promise<Ground> {
  const { servers = {}, throughUrl = (url) => url, shards = 4, redis, spillway = {}, steps } = options;
  const everywhere = redis === undefined ? {} : { redis };
  const db = await database(servers.databaseUrl === undefined ? {} : { url: servers.databaseUrl });
  const place: Place = {
    databaseUrl: throughUrl(db.url),
    redisUrl: servers.redisUrl ?? sharedRedisUrl(),
    namespace: freshNamespace(),
    shards,
  };
  const open: Ground['open'] = async (over, own) => {
    const orm = await openSite(place, { spillway: { ...everywhere, ...over }, ...(own && { steps: own }) });
    opened.push(orm);
    return orm;
  };
  const opened: MikroORM[] = [];
  // What only looks: it goes to PostgreSQL past whatever the test puts in between, and stages nothing.
  const eye = await openSite({ ...place, databaseUrl: db.url }, { spillway: { ...everywhere, worker: false } });
  await eye.schema.create();
  const orm = await open({ worker: false, ...spillway }, steps);
  const sql: Ground['sql'] = async (text) => eye.em.getConnection().execute(text);
  const status = async () => Spillway.of(eye).status();
  return {
    place,
    orm,
    spillway: Spillway.of(orm),
    open,
    sql,
    rows: async () => ({
      pages: await sql('select id, hits from page order by id'),
      items: await sql('select id, text, version from item order by id'),
    }),
    noteWrites: async () => {
      await sql(NOTE_WRITES);
      return async () => {
        const notes = await sql<{ id: string; writes: number }>(
          'select id, count(*)::int as writes from note group by id',
        );
        return new Map(notes.map(({ id, writes }) => [id, writes]));
      };
    },
    settled: async () => {
      await eventually(
        async () => {
          const { pending, inFlight } = await status();
          expect({ pending, inFlight }).toEqual({ pending: {}, inFlight: 0 });
        },
        { what: 'everything staged to be written', timeoutMs: 30_000 },
      );
      expect(await Spillway.of(eye).deadLetters.list()).toEqual([]);
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of opened) await each.close();
      await eye.close();
      await db.drop();
    },
  };
}

const NOTE_WRITES = `create table note (id text not null);
create function note_write() returns trigger language plpgsql as $$
begin
  insert into note values (coalesce(new.id, old.id));
  return null;
end $$;
create trigger note_write after insert or update or delete on page for each row execute function note_write();
create trigger note_write after insert or update or delete on item for each row execute function note_write()`;
