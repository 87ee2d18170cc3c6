/** The Redis, Valkey or Dragonfly that somebody names for a run: the URL of one, or the path of a program to start. */
import { accessSync, constants } from 'node:fs';

/** Where it is named. The first that is set counts. */
const variables = /** @type {const} */ (['REDIS_URL', 'VALKEY_SERVER', 'DRAGONFLY_URL']);

/** `REDIS_URL` becomes the URL of the server that a run has started. A program that it named stands here then. */
export const programVariable = 'SPILLWAY_REDIS_PROGRAM';

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ url: string | undefined, program: string | undefined, dragonfly: string | undefined }} `program` is
 * started as often as servers are needed; `dragonfly` once, as the server that tests share
 */
export function namedRedis(env) {
  const named = variables.filter((name) => env[name]);
  const url = named.map((name) => String(env[name])).find(isUrl);
  const programs = named.filter((name) => !isUrl(String(env[name]))).map((name) => programOf(name, String(env[name])));
  const program = env[programVariable] || programs.find(({ by }) => by !== 'DRAGONFLY_URL')?.path;
  const dragonfly = url === undefined ? programs.find(({ by }) => by === 'DRAGONFLY_URL')?.path : undefined;
  return { url, program, dragonfly };
}

/** @param {string} value */
function isUrl(value) {
  return /^rediss?:\/\//.test(value);
}

/**
 * @param {typeof variables[number]} variable
 * @param {string} path
 */
function programOf(variable, path) {
  try {
    accessSync(path, constants.X_OK);
    return { by: variable, path };
  } catch {
    throw new Error(
      `${variable} is ${path}, which is no URL (redis://host:port) and no program that may be run. Name one of both, ` +
        'or take it out of the environment to let a server be found.',
    );
  }
}
