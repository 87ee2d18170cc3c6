/**
 * How a run gets its servers, as a pure decision over what was found on the machine.
 */

/** @typedef {'redis' | 'postgres'} Kind */

/**
 * @typedef {object} Facts
 * @property {{ redis?: string | undefined, postgres?: string | undefined }} urls servers that the user has named
 * @property {{ redis?: string | undefined, postgres?: string | undefined }} programs path of `redis-server`; folder of `postgres` and `initdb`
 * @property {boolean} canUseApt root on a Debian-like system: packages can be installed without asking
 * @property {boolean} dockerAnswers `docker compose` is there and its engine answers
 */

/**
 * @typedef {{ way: 'url', url: string } | { way: 'program', path: string } | { way: 'docker' }} Source
 * @typedef {{ act: 'use', redis: Source, postgres: Source } | { act: 'install', packages: string[] } | { act: 'give up', message: string }} Plan
 */

const packages = { redis: 'redis-server', postgres: 'postgresql' };
const kinds = /** @type {const} */ (['redis', 'postgres']);

/**
 * A server that the user names comes first, then a program of this machine, then a package, then a container.
 * `wanted` are the kinds that this run needs.
 *
 * @param {Facts} facts
 * @returns {Plan}
 */
export function planServers(facts) {
  const missing = kinds.filter((kind) => !facts.urls[kind] && !facts.programs[kind]);
  if (missing.length > 0 && facts.canUseApt) return { act: 'install', packages: missing.map((kind) => packages[kind]) };
  if (missing.length > 0 && !facts.dockerAnswers) return { act: 'give up', message: explainMissing(missing) };
  return { act: 'use', redis: sourceOf('redis', facts), postgres: sourceOf('postgres', facts) };
}

/**
 * @param {Kind} kind
 * @param {Facts} facts
 * @returns {Source}
 */
function sourceOf(kind, { urls, programs }) {
  const url = urls[kind];
  if (url) return { way: 'url', url };
  const program = programs[kind];
  return program ? { way: 'program', path: program } : { way: 'docker' };
}

/**
 * @param {readonly Kind[]} missing
 * @returns {string}
 */
export function explainMissing(missing) {
  const names = { redis: 'a Redis server (redis-server or valkey-server)', postgres: 'PostgreSQL (postgres and initdb)' };
  const variables = { redis: 'REDIS_URL', postgres: 'DATABASE_URL' };
  const brew = { redis: 'redis', postgres: 'postgresql@17' };
  return [
    `Not found on this machine: ${missing.map((kind) => names[kind]).join(' and ')}.`,
    'Do one of these, and run the command again:',
    `  Debian, Ubuntu:  sudo apt-get install ${missing.map((kind) => packages[kind]).join(' ')}`,
    `  macOS:           brew install ${missing.map((kind) => brew[kind]).join(' ')}`,
    '  anywhere:        start Docker (with docker compose)',
    `  or name servers of your own in ${missing.map((kind) => variables[kind]).join(' and ')}; their data will be written to.`,
  ].join('\n');
}
