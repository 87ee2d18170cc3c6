import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Spillway, spillway, WriteBehind } from '@spillway/core';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';

const retry = { attempts: 2, minDelay: '1ms', maxDelay: '5ms' } as const;

export const Parcel = defineEntity({
  name: 'Parcel',
  properties: { id: p.integer().primary(), label: p.string(), place: p.string(), version: p.integer().version() },
});
const Letter = defineEntity({
  name: 'Letter',
  properties: { id: p.integer().primary(), label: p.string(), place: p.string() },
});
WriteBehind({ retry })(Parcel.class as never);
WriteBehind({ retry })(Letter.class as never);

export type Kind = 'Parcel' | 'Letter';
// One has a version and the other none; a program asks for what both have.
export const ENTITIES = { Parcel, Letter: Letter as unknown as typeof Parcel } as const;

/** Codes of outages, of locks, of missing tables and of applications: a trigger may raise any. */
export const CODES: readonly string[] = `
  SH001 PT402 45000 22P02 23514 38000 2F002 HV000 P0002 P0004 XX000 08001 0A000 25006 28P01 40001 40P01 42501 42P01
  53100 55000 55P03 57014 57P01 57P03`
  .trim()
  .split(/\s+/);

// Every refusal is expected here.
const SILENT = { warn: () => {}, error: () => {} };

/** A trigger on each table refuses a row whose label asks for it, with the code that the label names. */
export async function openGate() {
  const db = await database();
  const orm = await MikroORM.init({
    entities: [Parcel, Letter],
    clientUrl: db.url,
    logger: () => undefined,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 2,
        worker: false,
        logger: SILENT,
        tables: { ensure: true },
      }),
    ],
  });
  await orm.schema.create();
  await orm.em.execute(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      if new.label like 'raise %' then raise exception 'refused' using errcode = substr(new.label, 7); end if;
      return new;
    end $$;
    create trigger refuse before insert or update on parcel for each row execute function refuse();
    create trigger refuse before insert or update on letter for each row execute function refuse()`);
  return {
    orm,
    spill: Spillway.of(orm),
    async [Symbol.asyncDispose]() {
      await orm.close();
      await db.drop();
    },
  };
}
