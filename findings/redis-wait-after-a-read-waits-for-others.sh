#!/usr/bin/env bash
# WAIT is said to wait for the writes of its own connection. In Redis 7.0.15 each command of a connection, also a read,
# notes how far the replication has come, and WAIT waits for that. So a connection that has only read waits for the
# writes of all others before its last read. One that has sent nothing but WAIT does not, and is told the replicas at
# once. A caller that repeats a lost call, whose second run only reads, is lucky there and cannot count on it.
# Needs redis-server and redis-cli. Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
pids=()
trap 'kill -CONT "${pids[@]}" 2>/dev/null || true; kill "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cli() { redis-cli -p "$port" "$@"; }
redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$folder" --repl-diskless-sync-delay 0 >"$folder/p.log" &
pids+=($!)
until cli ping >/dev/null 2>&1; do sleep 0.1; done
mkdir "$folder/replica"
redis-server --port 0 --unixsocket "$folder/r.sock" --save '' --dir "$folder/replica" \
  --replicaof 127.0.0.1 "$port" >"$folder/r.log" &
pids+=($!)
until cli info replication | grep -q 'state=online'; do sleep 0.1; done
cli set before 1 >/dev/null
kill -STOP "${pids[1]}"
cli set by-another-connection 1 >/dev/null
version=$(cli info server | tr -d '\r' | sed -n 's/^redis_version://p')
# The answer to the last of some commands, on a connection that sends nothing else.
last_answer() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\r\n' "$@" >&3
  for _ in "$@"; do read -r -t 10 answer <&3; done
  exec 3>&-
  answer=${answer%$'\r'}
}
last_answer 'EXISTS before' 'WAIT 1 300'
read_first=${answer#:}
last_answer 'WAIT 1 300'
nothing_first=${answer#:}
echo "Redis $version, the replica stands still and lacks a write of another connection: WAIT behind a read says" \
  "$read_first of 1 replica, WAIT alone says $nothing_first"
[ "$read_first" = 0 ] && [ "$nothing_first" = 1 ]
