/** The means of this machine: server programs, a package manager that we may use, a docker engine. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { namedRedis } from './named-redis.mjs';

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {import('./plan.mjs').Facts}
 */
export function findFacts(env) {
  const { url, dragonfly } = namedRedis(env);
  const urls = { redis: url, postgres: env['DATABASE_URL'] };
  const programs = findPrograms(env);
  const complete = (urls.redis || programs.redis) && (urls.postgres || programs.postgres);
  return {
    urls,
    programs,
    ...(dragonfly !== undefined && { dragonfly }),
    // The two below cost a process each, so they are asked only when something is missing.
    canUseApt: !complete && canUseApt(env),
    dockerAnswers: !complete && dockerAnswers(env),
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ redis: string | undefined, postgres: string | undefined }}
 */
export function findPrograms(env) {
  return { redis: namedRedis(env).program ?? findRedis(env), postgres: findPostgres(env) };
}

/** @param {NodeJS.ProcessEnv} env */
function findRedis(env) {
  const folders = [...pathFolders(env), ...homebrew.map((prefix) => path.join(prefix, 'bin'))];
  return findProgram('redis-server', folders) ?? findProgram('valkey-server', folders);
}

/** @param {NodeJS.ProcessEnv} env */
function findPostgres(env) {
  const has = (/** @type {string} */ folder) =>
    ['initdb', 'postgres'].every((name) => isProgram(path.join(folder, name)));
  const named = env['SPILLWAY_POSTGRES_BIN'];
  if (!named) return postgresFolders(env).find(has);
  if (has(named)) return named;
  throw new Error(
    `SPILLWAY_POSTGRES_BIN is ${named}, which has no "initdb" and "postgres" that may be run. Name the folder that has ` +
      'them, or take it out of the environment to let them be found.',
  );
}

/**
 * PgBouncer is used by some tests only, and is not installed for them.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function findPgBouncer(env) {
  const folders = [...pathFolders(env), '/usr/sbin', ...homebrew.map((prefix) => path.join(prefix, 'bin'))];
  return findProgram('pgbouncer', folders);
}

/**
 * The browser of the dashboard's tests: the one that `SPILLWAY_CHROMIUM` names, else what is installed.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function findChromium(env) {
  const named = env['SPILLWAY_CHROMIUM'];
  if (named) return isProgram(named) ? named : undefined;
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  const macOS = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  return (
    names.map((name) => findProgram(name, pathFolders(env))).find((program) => program !== undefined) ??
    macOS.find(isProgram)
  );
}

/** @param {NodeJS.ProcessEnv} env */
export function canUseApt(env) {
  return process.getuid?.() === 0 && findProgram('apt-get', pathFolders(env)) !== undefined;
}

const homebrew = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];

/**
 * The path first, then where Debian, Red Hat, Homebrew and Postgres.app keep their versions, newest first.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function postgresFolders(env) {
  return [
    ...pathFolders(env),
    ...newestFirst('/usr/lib/postgresql', /^\d+$/),
    ...newestFirst('/usr', /^pgsql-\d+$/),
    ...homebrew.flatMap((prefix) => newestFirst(path.join(prefix, 'opt'), /^postgresql(@\d+)?$/)),
    ...newestFirst('/Applications/Postgres.app/Contents/Versions', /^\d+$/),
  ];
}

/**
 * @param {string} parent
 * @param {RegExp} pattern
 */
function newestFirst(parent, pattern) {
  if (!existsSync(parent)) return [];
  const version = (/** @type {string} */ name) => Number(/\d+/.exec(name)?.[0] ?? 0);
  const names = readdirSync(parent).filter((name) => pattern.test(name));
  return names.toSorted((a, b) => version(b) - version(a)).map((name) => path.join(parent, name, 'bin'));
}

/** @param {NodeJS.ProcessEnv} env */
function pathFolders(env) {
  return (env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
}

/**
 * @param {string} name
 * @param {readonly string[]} folders
 */
function findProgram(name, folders) {
  return folders.map((folder) => path.join(folder, name)).find(isProgram);
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {NodeJS.ProcessEnv} env */
function dockerAnswers(env) {
  const asks = [['info'], ['compose', 'version']];
  return asks.every((args) => spawnSync('docker', args, { env, stdio: 'ignore', timeout: 20_000 }).status === 0);
}
