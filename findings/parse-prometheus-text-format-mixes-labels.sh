#!/usr/bin/env bash
# parse-prometheus-text-format 1.1.1 reads a histogram whose series have a label besides "le" as one metric: the buckets
# of all series stand in one object, so the later series overwrite those of the earlier ones. The label, the sums and the
# counts are lost. The text is what client libraries of Prometheus write for a histogram with labels.
# Needs npm. Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent parse-prometheus-text-format@1.1.1
cat >show.mjs <<'JS'
import parse from 'parse-prometheus-text-format';
const text = `# HELP wait_seconds Time
# TYPE wait_seconds histogram
wait_seconds_bucket{queue="fast",le="1"} 5
wait_seconds_bucket{queue="fast",le="+Inf"} 7
wait_seconds_sum{queue="fast"} 3
wait_seconds_count{queue="fast"} 7
wait_seconds_bucket{queue="slow",le="1"} 0
wait_seconds_bucket{queue="slow",le="+Inf"} 2
wait_seconds_sum{queue="slow"} 40
wait_seconds_count{queue="slow"} 2
`;
const [{ metrics }] = parse(text);
console.log(`two series were written; read is: ${JSON.stringify(metrics)}`);
process.exitCode = JSON.stringify(metrics) === '[{"buckets":{"1":"0","+Inf":"2"}}]' ? 0 : 1;
JS
node show.mjs
