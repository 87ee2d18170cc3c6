import { expect, test } from 'vitest';
import { planServers } from '../../tools/servers/plan.mjs';

const bare = { urls: {}, programs: {}, canUseApt: false, dockerAnswers: false };
const programs = { redis: '/usr/bin/redis-server', postgres: '/usr/lib/postgresql/17/bin' };

test('programs of this machine are used', () => {
  expect(planServers({ ...bare, programs, canUseApt: true, dockerAnswers: true })).toEqual({
    act: 'use',
    redis: { way: 'program', path: programs.redis },
    postgres: { way: 'program', path: programs.postgres },
  });
});

test('a server that the user names comes before everything else', () => {
  const urls = { redis: 'redis://redis.test', postgres: 'postgres://postgres.test' };
  expect(planServers({ ...bare, urls, programs, canUseApt: true })).toEqual({
    act: 'use',
    redis: { way: 'url', url: urls.redis },
    postgres: { way: 'url', url: urls.postgres },
  });
});

test('what is missing is installed where apt may be used, and nothing else is', () => {
  const facts = { ...bare, canUseApt: true, dockerAnswers: true };
  expect(planServers(facts)).toEqual({ act: 'install', packages: ['redis-server', 'postgresql'] });
  expect(planServers({ ...facts, programs: { postgres: programs.postgres } })).toEqual({
    act: 'install',
    packages: ['redis-server'],
  });
});

test('without apt, only what is missing comes from docker', () => {
  expect(planServers({ ...bare, programs: { redis: programs.redis }, dockerAnswers: true })).toEqual({
    act: 'use',
    redis: { way: 'program', path: programs.redis },
    postgres: { way: 'docker' },
  });
});

test('without any of these, the message says exactly what to install', () => {
  const plan = planServers({ ...bare, programs: { postgres: programs.postgres } });
  expect(plan).toEqual({
    act: 'give up',
    missing: 'this machine has no Redis',
    message: expect.stringContaining('sudo apt-get install redis-server'),
  });
  expect(plan).toMatchObject({ message: expect.not.stringContaining('postgresql') });
  expect(planServers(bare)).toEqual({
    act: 'give up',
    missing: 'this machine has no Redis and no PostgreSQL',
    message: expect.stringContaining('brew install redis postgresql@17'),
  });
});
