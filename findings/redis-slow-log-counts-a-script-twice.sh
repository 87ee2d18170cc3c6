#!/usr/bin/env bash
# The slow log of Redis 7.0.15 has an entry for a script, and one for each command that the script has called. The time
# of the script contains the time of its commands, so the entries add up to more than Redis has spent. `INFO
# commandstats` counts both too. A sum over either is too much, and a log that is full holds few scripts.
# Needs redis-server and redis-cli. Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" \
  --slowlog-log-slower-than 0 --slowlog-max-len 1000 >"$folder/redis.log" &
server=$!
cli() { redis-cli -s "$folder/redis.sock" "$@"; }
until cli ping >/dev/null 2>&1; do sleep 0.1; done
version=$(cli info server | tr -d '\r' | sed -n 's/^redis_version://p')
cli slowlog reset >/dev/null
cli config resetstat >/dev/null
cli eval "for i = 1, 100 do redis.call('HSET', KEYS[1], i, i) end" 1 numbers >/dev/null
commands=$(cli slowlog get 1000 | grep -c '^HSET$')
scripts=$(cli slowlog get 1000 | grep -c '^eval$')
counted=$(cli info commandstats | tr -d '\r' | sed -n 's/^cmdstat_\(eval\|hset\):calls=\([0-9]*\),.*/\1 \2/p' | sort | tr '\n' ' ')
echo "Redis $version: one script that calls HSET 100 times makes $scripts entry of its own and $commands of HSET; calls: $counted"
[ "$commands" = 100 ] && [ "$scripts" = 1 ] && [ "$counted" = 'eval 1 hset 100 ' ]
