import type { DoctorCheck, Finding } from '@spillway/core';
import { redisRights } from '@spillway/core';
import { eventually, freshNamespace, hasPgBouncer, pgBouncer, postgres, redis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { describe, expect, test, vi } from 'vitest';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { environmentOf, openShop, runSql, type Shop } from '../support/shop.js';
import { openLibrary } from '../support/library.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

/** What `spillway doctor --json` answers. */
interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly exitCode: number | null;
}

type Environment = Readonly<Record<string, string>>;

async function diagnose(env: Environment): Promise<Diagnosis> {
  const { stdout, stderr, exitCode } = await cli(['doctor', '--json'], { env });
  expect({ stdout, stderr }).toMatchObject({ stdout: expect.stringMatching(/^\{/u) as string });
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { findings, exitCode };
}

/** Without what is as it should be. */
function bad({ findings }: Diagnosis, check?: DoctorCheck): readonly Finding[] {
  return findings.filter((each) => each.level !== 'ok' && (check === undefined || each.check === check));
}

/** The first finding of a check that is not as it should be, and how the doctor has ended. */
function found(diagnosis: Diagnosis, check: DoctorCheck): object {
  const { exitCode } = diagnosis;
  return { ...bad(diagnosis, check)[0], exitCode };
}

/** A problem, what is said of it, and how to mend it. */
function problem(check: DoctorCheck, message: RegExp, remedy: RegExp): object {
  const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
  return { check, level: 'problem', message: matching(message), remedy: matching(remedy), exitCode: 1 };
}

const over = ({ db, options }: Shop, given: object): Environment => environmentOf(db.url, { ...options, ...given });

test('doctor says of a sound set-up what it has looked at', async () => {
  await using shop = await openShop();
  await shop.spillway.start();
  const diagnosis = await diagnose(shop.env);
  expect(bad(diagnosis)).toEqual([]);
  expect(diagnosis.exitCode).toBe(0);
  expect([...new Set(diagnosis.findings.map(({ check }) => check))]).toEqual([
    'postgres',
    'postgres-rights',
    'entity-tables',
    'connections',
    'pooler',
    'redis',
    'redis-scripts',
    'redis-rights',
    'redis-persistence',
    'redis-eviction',
    'postgres-tables',
    'policies',
    'shard-map',
    'chain',
    'room',
    'lag',
    'worker',
    'paused',
    'dead-letters',
  ]);
});

test('doctor shows its findings as a table in a terminal, and as lines elsewhere', async () => {
  await using shop = await openShop();
  const [terminal, plain] = await Promise.all([cliInTerminal(['doctor'], shop), cli(['doctor'], shop)]);
  expect(terminal.stdout).toMatch(/│ .*ok.* │ postgres +│ PostgreSQL/u);
  expect(plain.stdout).toMatch(/^finding\tok\tpostgres\tPostgreSQL [\d.]+ takes writes/mu);
  expect(plain.stdout).toMatch(/^finding\twarning\tpostgres-tables\t.* → The first use makes the tables/mu);
  expect([terminal.exitCode, plain.exitCode]).toEqual([0, 0]);
});

describe('doctor finds', () => {
  test('1. a Redis that is away', async () => {
    const server = await redis();
    await using shop = await openShop({ redis: server.url });
    await shop.spillway.start();
    await server.stop();
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'redis')).toEqual(
      problem('redis', /cannot be reached .*ECONNREFUSED/u, /See whether the server runs/u),
    );
    expect(bad(diagnosis, 'postgres')).toEqual([]);
  });

  test('2. a wrong password of Redis, without showing it', async () => {
    await using server = await redis({ requirepass: 'sesame' });
    await using shop = await openShop();
    const diagnosis = await diagnose(over(shop, { redis: `redis://:wrongpass@127.0.0.1:${server.port}` }));
    expect(found(diagnosis, 'redis')).toEqual(problem('redis', /refuses this client \(WRONGPASS/u, /user, password/u));
    expect(JSON.stringify(diagnosis)).not.toContain('wrongpass');
  });

  test('3. a Redis without persistence', async () => {
    await using server = await redis({ appendonly: 'no' });
    await using shop = await openShop({ redis: server.url });
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'redis-persistence')).toEqual(
      problem('redis-persistence', /keeps nothing over a restart/u, /Set "appendonly yes"/u),
    );
  });

  test('4. a Redis that evicts keys', async () => {
    await using server = await redis({ 'maxmemory-policy': 'allkeys-lru', maxmemory: '100mb' });
    await using shop = await openShop({ redis: server.url });
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'redis-eviction')).toEqual(
      problem('redis-eviction', /evicts keys .*allkeys-lru/u, /Set "maxmemory-policy noeviction"/u),
    );
  });

  test('5. a user of Redis that lacks a command', async () => {
    await using server = await redis();
    await using shop = await openShop({ redis: server.url });
    const url = await limitedUser(server.url, shop.options.namespace, /\+hset |\+zrem /gu);
    const diagnosis = await diagnose(over(shop, { redis: url }));
    expect(found(diagnosis, 'redis-rights')).toEqual(
      problem('redis-rights', /The user lacks hset, zrem at/u, /Give the user \+hset \+zrem/u),
    );
  });

  test('6. a Redis that refuses scripts', async () => {
    await using server = await redis();
    await using shop = await openShop({ redis: server.url });
    const url = await limitedUser(server.url, shop.options.namespace, /\+eval |\+evalsha /gu);
    const diagnosis = await diagnose(over(shop, { redis: url }));
    expect(found(diagnosis, 'redis-scripts')).toEqual(
      problem('redis-scripts', /runs no scripts for this user: .*NOPERM/u, /EVAL and EVALSHA/u),
    );
  });

  test('7. a Redis that is nearly out of memory', async () => {
    await using server = await redis();
    await using shop = await openShop({ redis: server.url });
    await shop.spillway.start();
    const client = new Redis(server.url);
    await client.set('ballast', 'x'.repeat(3_000_000));
    await client.config('SET', 'maxmemory', '3mb');
    await client.quit();
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'redis-memory')).toEqual(
      problem('redis-memory', /uses \d{3} % of its memory/u, /Raise maxmemory/u),
    );
    expect(found(diagnosis, 'room')).toEqual(problem('room', /out of memory/u, /has room/u));
  });

  test('8. a PostgreSQL that is away', async () => {
    const server = await postgres();
    const url = server.url;
    await server.stop();
    await using shop = await openShop();
    const diagnosis = await diagnose(environmentOf(url, shop.options));
    expect(found(diagnosis, 'postgres')).toEqual(
      problem('postgres', /PostgreSQL cannot be reached: .*ECONNREFUSED/u, /See whether it runs/u),
    );
    expect(bad(diagnosis, 'redis')).toEqual([]);
  });

  test('9. a PostgreSQL that refuses the role', async () => {
    await using shop = await openShop();
    const url = new URL(shop.db.url);
    url.username = 'nobody_at_all';
    const diagnosis = await diagnose(environmentOf(url.href, shop.options));
    expect(found(diagnosis, 'postgres')).toEqual(
      problem('postgres', /refuses the connection: .*"nobody_at_all"/u, /Check the user/u),
    );
  });

  test('10. missing tables of Spillway', async () => {
    await using shop = await openShop({ tables: { ensure: false } });
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'postgres-tables')).toEqual(
      problem('postgres-tables', /tables cannot be used: .*spillway_/u, /spillway migrate/u),
    );
  });

  test('11. a role without rights on a table', async () => {
    await using shop = await openShop();
    await shop.spillway.start();
    const role = freshNamespace('role');
    await runSql(
      shop.db.url,
      `create role ${role} login; grant usage on schema public to ${role};
grant select, insert, update, delete on all tables in schema public to ${role}; revoke update, delete on product from ${role}`,
    );
    const url = new URL(shop.db.url);
    url.username = role;
    const diagnosis = await diagnose(environmentOf(url.href, shop.options));
    await runSql(shop.db.url, `drop owned by ${role}; drop role ${role}`);
    expect(found(diagnosis, 'postgres-rights')).toEqual(
      problem(
        'postgres-rights',
        /The role lacks update, delete on public.product/u,
        /grant update, delete on public.product/u,
      ),
    );
  });

  test('12. a table whose columns are not those of the entity', async () => {
    await using shop = await openShop();
    await runSql(
      shop.db.url,
      `alter table product drop column stock; alter table product alter column name type varchar(20);
alter table customer add column region text not null; alter table customer alter column email type bytea using ''`,
    );
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'entity-tables')).toEqual(
      problem('entity-tables', /public.product.* has no column "stock"/u, /Run the migrations/u),
    );
    const messages = bad(diagnosis, 'entity-tables').map(({ level, message }) => `${level}: ${message}`);
    expect(messages).toEqual([
      expect.stringContaining('"stock"'),
      'problem: public.customer, the table of Customer, has a column "region" that is not null and has no default, ' +
        'and the entity has no property for it.',
      'warning: public.customer, the table of Customer, has a column "email" of type bytea, and the entity says varchar(255).',
    ]);
  });

  test('13. a configuration with another number of shards', async () => {
    await using shop = await openShop();
    await shop.spillway.start();
    const diagnosis = await diagnose(over(shop, { shards: 8 }));
    expect(found(diagnosis, 'shard-map')).toEqual(
      problem('shard-map', /has 4 shards .* is set to 8/u, /the same "shards", or run "spillway reshard"/u),
    );
  });

  test('14. a configuration with another map of shards', async () => {
    await using one = await redis();
    await using two = await redis();
    await using shop = await openShop({ redis: { nodes: [one.url, two.url] } });
    await shop.spillway.start();
    const diagnosis = await diagnose(over(shop, { redis: one.url }));
    expect(found(diagnosis, 'shard-map')).toEqual(
      problem('shard-map', /one of several servers of this namespace/u, /the same servers/u),
    );
  });

  test('15. another release that stages what this one does not know', async () => {
    await using shop = await openShop();
    await using library = await openLibrary(shop);
    await library.spillway.start();
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'policies')).toEqual(
      problem('policies', /Another release stages Book, .*POLICY_MISMATCH/u, /Give it a policy here too/u),
    );
  });

  test('16. that no worker takes what is due', async () => {
    await using shop = await openShop();
    await shop.stage(1);
    const diagnosis = await eventually(
      async () => {
        const asked = await diagnose(shop.env);
        expect(bad(asked, 'worker')[0]?.level).toBe('problem');
        return asked;
      },
      { timeoutMs: 40_000 },
    );
    expect(found(diagnosis, 'worker')).toEqual(
      problem('worker', /due in 1 shard, and no worker has taken it/u, /spillway worker/u),
    );
  });

  test('17. dead letters, and why they are there', async () => {
    await using shop = await openShop();
    await runSql(shop.db.url, `alter table product add constraint named check (name <> 'Product 2')`);
    await shop.stage(3);
    await shop.spillway.drain({ until: 'written' });
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'dead-letters')).toEqual(
      problem('dead-letters', /1 change could not be .*Product 23514 \(1\)/u, /dead-letters list/u),
    );
  });

  test('18. a Redis that was emptied', async () => {
    await using server = await redis();
    await using shop = await openShop({ redis: server.url });
    await shop.stage(10);
    await shop.spillway.drain({ until: 'written' });
    const client = new Redis(server.url);
    await client.flushall();
    await client.quit();
    const diagnosis = await diagnose(shop.env);
    expect(found(diagnosis, 'chain')).toEqual(
      problem('chain', /Redis has forgotten what was written of 4 shards \(0, 1, 2, 3\)/u, /append-only/u),
    );
    const again = await diagnose(shop.env);
    expect(bad(again, 'chain')).toEqual(bad(diagnosis, 'chain'));
  });

  test('19. a role that may not have the connections of a worker', async () => {
    await using shop = await openShop();
    await shop.spillway.start();
    const role = freshNamespace('role');
    await runSql(
      shop.db.url,
      `create role ${role} login connection limit 3; grant usage on schema public to ${role};
grant select, insert, update, delete on all tables in schema public to ${role}`,
    );
    const url = new URL(shop.db.url);
    url.username = role;
    const diagnosis = await diagnose(environmentOf(url.href, { ...shop.options, worker: { concurrency: 6 } }));
    await runSql(shop.db.url, `drop owned by ${role}; drop role ${role}`);
    expect(found(diagnosis, 'connections')).toEqual(
      problem(
        'connections',
        /may need 8 connections at once and gets [12]: .*too many connections for role/u,
        /limit of the role .*lower worker\.concurrency/u,
      ),
    );
  });

  test.skipIf(!hasPgBouncer())('20. a pooler whose pool is too small', async () => {
    await using shop = await openShop();
    await shop.spillway.start();
    await using pooler = await pgBouncer(shop.db.url, { default_pool_size: '2' });
    const diagnosis = await diagnose(environmentOf(pooler.url, shop.options));
    expect(found(diagnosis, 'connections')).toEqual(
      problem(
        'connections',
        /may need 4 connections at once and gets [12]: the others waited/u,
        /default_pool_size\) by [23] at least/u,
      ),
    );
    expect(diagnosis.findings).toContainEqual({
      check: 'pooler',
      level: 'ok',
      message: expect.stringContaining('gives each transaction another connection') as string,
    });
  });

  test.skipIf(!hasPgBouncer())('21. a hook for connections behind a pooler by transactions', async () => {
    await using shop = await openShop();
    await shop.spillway.start();
    await using pooler = await pgBouncer(shop.db.url, { default_pool_size: '20' });
    const diagnosis = await diagnose({ ...environmentOf(pooler.url, shop.options), SHOP_HOOK: '1' });
    expect(bad(diagnosis)).toMatchObject([
      {
        check: 'pooler',
        level: 'warning',
        message: expect.stringContaining('What onCreateConnection or onReserveConnection sets does not last'),
        remedy: expect.stringContaining('alter role … set search_path'),
      },
    ]);
    expect(diagnosis.exitCode).toBe(0);
  });
});

/** A user with the documented rights, but for some. */
async function limitedUser(url: string, namespace: string, without: RegExp): Promise<string> {
  const client = new Redis(url);
  const rights = redisRights({ namespace }).replaceAll(without, '').split(' ');
  await client.call('ACL', ['SETUSER', 'limited', 'on', '>sesame', ...rights]);
  await client.quit();
  const limited = new URL(url);
  limited.username = 'limited';
  limited.password = 'sesame';
  return limited.href;
}
