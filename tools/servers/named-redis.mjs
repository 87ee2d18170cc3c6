/** The Redis, Valkey or Dragonfly that somebody names for a run: the URL of one, or the path of a program to start. */
import { accessSync, constants } from 'node:fs';

/** Where it is named. The first that is set counts. */
const variables = /** @type {const} */ (['REDIS_URL', 'VALKEY_SERVER', 'DRAGONFLY_URL']);

/** `REDIS_URL` becomes the URL of the server that a run has started. A program that it named stands here then. */
export const programVariable = 'SPILLWAY_REDIS_PROGRAM';

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ url: string | undefined, program: string | undefined }}
 */
export function namedRedis(env) {
  const named = variables.filter((name) => env[name]);
  const url = named.map((name) => String(env[name])).find(isUrl);
  const by = named.find((name) => !isUrl(String(env[name])));
  const program = env[programVariable] || (by && programOf(by, String(env[by])));
  return { url, program };
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
  if (variable === 'DRAGONFLY_URL')
    throw new Error(
      `DRAGONFLY_URL is ${path}: name a server that runs, as redis://host:port. No run starts Dragonfly.`,
    );
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    throw new Error(
      `${variable} is ${path}, which is no URL (redis://host:port) and no program that may be run. Name one of both, ` +
        'or take it out of the environment to let a server be found.',
    );
  }
}
