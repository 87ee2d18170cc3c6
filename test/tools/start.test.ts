import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { NoServers } from '../../tools/servers/no-servers.mjs';
import { start } from '../../tools/start/start.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** PGlite takes seconds to begin. */
const LONG_MS = 180_000;

/** Runs `npm start` where servers can be had, or cannot; answers what it has run and said. */
async function started(args: readonly string[], { env = {}, error }: { env?: NodeJS.ProcessEnv; error?: Error } = {}) {
  const acts: string[] = [];
  const said: string[] = [];
  const startServers = async () => {
    if (error !== undefined) throw error;
    return { env: { REDIS_URL: 'redis://here', DATABASE_URL: '' }, stop: async () => void acts.push('servers stop') };
  };
  const startRedisSentinels = async () => ({
    sentinels: [{ host: 'here', port: 1 }],
    name: 'shop',
    pid: 1,
    stop: async () => void acts.push('sentinels stop'),
  });
  const startRedisNodes = async (count: number, { replicas = false, isCluster = false } = {}) => ({
    nodes: Array.from({ length: count }, (_, place) => ({
      name: `${isCluster ? 'primary' : 'node'}-${place + 1}`,
      url: `redis://node${replicas ? '-with-replica' : ''}`,
      pid: place,
    })),
    stop: async () => void acts.push('nodes stop'),
  });
  const runExample = async (name: string, parameters: readonly string[], given: NodeJS.ProcessEnv) => {
    const { REDIS_URL, SPILLWAY_SHOP_NODES: nodes, SPILLWAY_SHOP_SENTINELS: sentinels } = given;
    const where = sentinels === undefined ? (nodes === undefined ? REDIS_URL : nodesInWords(nodes)) : 'sentinels';
    acts.push([name, ...parameters, ...(where === undefined ? [] : [`on ${where}`])].join(' '));
    return 0;
  };
  const say = (line: string): void => void said.push(line);
  const code = await start(args, env, { startServers, startRedisNodes, startRedisSentinels, runExample, say });
  return { code, acts, said };
}

function nodesInWords(json: string): string {
  const nodes = JSON.parse(json) as { readonly name: string; readonly url: string }[];
  const of = nodes.every(({ name }) => name.startsWith('primary')) ? ' of a cluster' : '';
  const have = nodes.every(({ url }) => url.endsWith('replica')) ? ' with replicas' : '';
  return `${nodes.length} node${nodes.length === 1 ? '' : 's'}${of}${have}`;
}

describe('on servers', () => {
  test('both examples run on the same ones, which are stopped', async () => {
    const { acts } = await started([]);
    expect(acts).toEqual(['standalone on redis://here', 'shop on redis://here', 'servers stop']);
  });

  test('the shop runs alone with arguments, and on servers that the user names', async () => {
    expect((await started(['--json'])).acts).toEqual(['shop --json on redis://here', 'servers stop']);
    const env = { DATABASE_URL: 'postgres://mine' };
    expect((await started([], { env })).acts).toEqual(['shop on redis://here', 'servers stop']);
  });
});

test.each([
  [['--topology', 'nodes'], '3 nodes'],
  [['--topology=nodes', '--json'], '3 nodes'],
  [['--topology', 'cluster'], '3 nodes of a cluster with replicas'],
  [['--topology', 'cluster', '--durability', 'primary'], '3 nodes of a cluster'],
])('with %j the shop runs on three Redis servers, which are stopped', async (args, nodes) => {
  const { acts } = await started(args);
  expect(acts).toEqual([`shop ${args.join(' ')} on ${nodes}`, 'nodes stop', 'servers stop']);
});

test.each([
  { args: ['--topology', 'sentinel'], where: 'sentinels' },
  { args: ['--topology', 'single'], where: '1 node' },
  { args: ['--durability=replicated'], where: '1 node with replicas' },
  { args: ['--topology', 'nodes', '--durability', 'replicated'], where: '3 nodes with replicas' },
  { args: ['--topology', 'nodes', '--durability', 'fsynced'], where: '3 nodes' },
])('with $args the shop runs on $where', async ({ args, where }) => {
  const { acts } = await started(args);
  expect(acts[0]).toBe(`shop ${args.join(' ')} on ${where}`);
});

describe('without servers', () => {
  const error = new NoServers('this machine has no Redis', 'Install one.');

  test('it says so in one line, and the shop runs on embedded ones', async () => {
    const { code, acts, said } = await started(['--json'], { error });
    expect(said).toEqual([
      'This machine has no Redis: the shop runs in one process, on PGlite and on staging in memory ' +
        '(npm start -- --embedded).',
    ]);
    expect({ code, acts }).toEqual({ code: 0, acts: ['shop --embedded --json'] });
  });

  test('servers that the user names are not replaced', async () => {
    const env = { REDIS_URL: 'redis://mine' };
    await expect(started([], { env, error })).rejects.toBe(error);
  });

  test('the shop that stages on several servers does not run without', async () => {
    await expect(started(['--topology', 'nodes'], { error })).rejects.toBe(error);
  });

  test('a failure of servers that are there is not hidden', async () => {
    const failure = new Error('initdb has failed');
    await expect(started([], { error: failure })).rejects.toBe(failure);
  });
});

test.each([
  ['nodes', 'it comes back by itself'],
  ['cluster', 'a replica takes its place'],
])(
  'on three Redis servers (%s), of which one is killed and %s, the shop loses nothing and writes nothing twice',
  { timeout: LONG_MS },
  async (topology, becomes) => {
    const args = ['tools/start.mjs', '--topology', topology, '--seconds', '6', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const lines = stdout.trimEnd().split('\n');
    const killed = lines.flatMap((line) => /^kill -9 Redis node-1 \(pid \d+\); (.+)\.$/u.exec(line)?.[1] ?? []);
    expect(killed).toEqual([becomes]);
    const figures = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    expect(figures).toMatchObject({
      lost: 0,
      twice: 0,
      deadLetters: 0,
      killed: ['worker-1', 'node-1', 'application-1'],
    });
    expect(lines.at(-2)).toMatch(/ acknowledged, .+ in PostgreSQL, 0 lost, 0 twice$/);
  },
);

test(
  'asked for, the embedded shop writes all that it has acknowledged, and --json says so on the last line',
  { timeout: LONG_MS },
  async () => {
    const args = ['tools/start.mjs', '--embedded', '--seconds', '3', '--json'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root });
    expect(stderr).toBe('');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^Running the application and the worker in this process/);
    const figures = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    expect(figures).toMatchObject({ lost: 0, twice: 0, inDoubt: 0, deadLetters: 0, killed: [] });
    expect(figures['acknowledged']).toBe(figures['inPostgres']);
    expect(figures['saves']).toBeGreaterThan(0);
    expect(figures['acknowledged']).toBeGreaterThan(1_300);
    expect(figures['plain']).toMatchObject({ lost: 0, twice: 0 });
    expect(lines.at(-3)).toMatch(
      /^Spillway: .+ saves\/s, .+ Plain MikroORM: .+ saves\/s, .+ times as many, in .+ each\.$/,
    );
    expect(lines.at(-2)).toMatch(/ acknowledged, .+ in PostgreSQL, 0 lost, 0 twice$/);
  },
);
