import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { RowKey } from '../../../src/change/row-key.js';
import { TransactionScope } from '../../../src/mikro-orm/transactions/transaction-scope.js';
import { Promotions } from '../../../src/runtime/promotions.js';
import { openRedisStaging } from '../../../src/staging/redis/open-redis-staging.js';
import { openProductSink, SHARDS } from './product-sink.js';

/**
 * A process with a transaction that promotes a row, then two of its shard, commits and acknowledges; it stands still
 * after a step, to be killed there. It says so by one line. A step is named with the number of the promotion:
 * `1:locked`; `committed` comes before anything is acknowledged. Without such a step it fails in the end.
 */
const { values } = parseArgs({
  options: {
    redis: { type: 'string' },
    namespace: { type: 'string' },
    database: { type: 'string' },
    rows: { type: 'string' },
    step: { type: 'string' },
  },
});
const { redis = '', namespace = '', database = '', rows = '[]' } = values;
const [first, second] = JSON.parse(rows) as RowKey[];

let promotion = 0;
async function reached(step: string): Promise<void> {
  if (step !== values.step) return;
  // A process that is killed keeps nothing by itself.
  flushCompileCache();
  process.stdout.write(`${step}\n`);
  await new Promise(() => {});
}

const client = new pg.Client({ connectionString: database, application_name: 'promoter' });
// Its connection may be ended for it.
client.on('error', () => undefined);
await client.connect();
await client.query('begin');
const staging = await openRedisStaging({ redis, namespace, shards: SHARDS, acceptVolatile: true });
const parts = {
  staging,
  looks: staging,
  sink: openProductSink(database, 'promoter-sink'),
  worker: { wake: () => undefined, unsettled: () => undefined },
};
const promotions = new Promotions(async (step) => reached(`${promotion}:${step}`));
const scope = new TransactionScope({}, {});
const caller = {
  scope,
  mayWrite: true,
  holds: () => false,
  alone: async <T>(use: (query: (text: string, parameters: readonly unknown[]) => Promise<object[]>) => Promise<T>) =>
    use(async (text, parameters) => (await client.query<object>(text, [...parameters])).rows),
};
for (const keys of [[first], [first, second]]) {
  promotion += 1;
  await promotions.write(
    keys.filter((key) => key !== undefined),
    caller,
    5_000,
    parts,
  );
  if (promotion === 1) await stageMore();
}
await client.query('commit');
await reached('committed');
await scope.ended('commit-answered');
await reached('acknowledged');
process.stderr.write(`There is no step ${values.step}.\n`);
process.exit(1);

/** Says that the first promotion is over, and goes on when the test has staged more. */
async function stageMore(): Promise<void> {
  process.stdout.write('promoted\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
}
