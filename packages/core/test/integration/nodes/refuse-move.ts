import pg from 'pg';
import type { Library } from './fixture.js';

/** The database refuses what a move does at this place, as if its process died there. */
export async function refuseMove(library: Library, at: 'grow' | 'end'): Promise<() => Promise<void>> {
  const [event, table, row, when] =
    at === 'grow'
      ? ['insert', 'spillway_shard', 'new', 'true']
      : ['delete', 'spillway_registry', 'old', `old.kind = 'reshard'`];
  const client = new pg.Client({ connectionString: library.databaseUrl });
  await client.connect();
  await client.query(
    `create or replace function refuse_move() returns trigger language plpgsql as
     $$ begin raise exception 'the test ends the move here'; return ${row}; end $$`,
  );
  await client.query(
    `create trigger refuse_move before ${event} on ${table} for each row when (${when}) execute function refuse_move()`,
  );
  return async () => {
    await client.query(`drop trigger refuse_move on ${table}`);
    await client.end();
  };
}
