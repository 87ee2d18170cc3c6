#!/usr/bin/env bash
# A slot of a Redis Cluster (7.0.15) is MIGRATING. None of its keys has left. A script of which all keys are there runs.
# One of which some are there, and the others have never existed anywhere, is refused with TRYAGAIN, for as long as the
# slot has that state: an absent key counts as one that has moved. So a script that makes keys beside those that it
# reads stands still during a move, though nothing of it is moving. If none of its keys is there, the answer is ASK.
# Needs redis-server and redis-cli. Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ports=()
for name in source target; do
  at=$(port)
  mkdir "$folder/$name"
  redis-server --port "$at" --bind 127.0.0.1 --save '' --dir "$folder/$name" --cluster-enabled yes \
    --cluster-port "$(port)" --cluster-require-full-coverage no >"$folder/$name.log" &
  pids+=($!)
  ports+=("$at")
  until redis-cli -p "$at" ping >/dev/null 2>&1; do sleep 0.1; done
done
from() { redis-cli -p "${ports[0]}" "$@" 2>&1; }
from cluster addslotsrange 0 16383 >/dev/null
bus=$(redis-cli -p "${ports[1]}" config get cluster-port | sed -n 2p)
from cluster meet 127.0.0.1 "${ports[1]}" "$bus" >/dev/null
until from cluster info | grep -q cluster_state:ok && [ "$(from cluster nodes | grep -vc handshake)" = 2 ]; do sleep 0.1; done
to=$(redis-cli -p "${ports[1]}" cluster myid)
from set '{shop}:there' 1 >/dev/null
from set '{shop}:there too' 1 >/dev/null
from cluster setslot "$(from cluster keyslot '{shop}')" migrating "$to" >/dev/null
script="return #KEYS"
version=$(from info server | tr -d '\r' | sed -n 's/^redis_version://p')
all=$(from eval "$script" 2 '{shop}:there' '{shop}:there too')
some=$(from eval "$script" 2 '{shop}:there' '{shop}:never made')
none=$(from eval "$script" 2 '{shop}:never made' '{shop}:nor this')
echo "Redis $version, a slot that is MIGRATING and has all of its keys: a script of keys that are there answers $all;"
echo "with one that was never made: $some; with none that is there: $none"
[ "$all" = 2 ] && [[ $some == TRYAGAIN* ]] && [[ $none == ASK* ]]
