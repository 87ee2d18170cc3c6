/** How a run gets its servers, as a pure decision over what was found on the machine. */

export const kinds = /** @type {const} */ (['redis', 'postgres']);

/** @typedef {typeof kinds[number]} Kind */

/**
 * @typedef {object} Facts
 * @property {Partial<Record<Kind, string | undefined>>} urls servers that the user has named
 * @property {Partial<Record<Kind, string | undefined>>} programs the path of `redis-server`; the folder of `initdb` and
 * `postgres`
 * @property {string} [dragonfly] the path of a Dragonfly that is the shared Redis of the run
 * @property {boolean} canUseApt root on a Debian-like system: packages can be installed without asking
 * @property {boolean} dockerAnswers `docker compose` is there, and its engine answers
 */

/**
 * @typedef {{ way: 'url', url: string } | { way: 'program', path: string } | { way: 'docker' }} Source
 * @typedef {Source | { way: 'dragonfly', path: string, program: string | undefined }} RedisSource
 * @typedef {{ act: 'use', redis: RedisSource, postgres: Source }} UsePlan
 * @typedef {{ act: 'install', packages: string[] }} InstallPlan
 * @typedef {{ act: 'give up', missing: string, message: string }} NoPlan
 */

/**
 * The words about a kind for a person who has to install it.
 *
 * @type {Record<Kind, { short: string, name: string, apt: string, brew: string, variable: string }>}
 */
const words = {
  redis: {
    short: 'Redis',
    name: 'a Redis server (redis-server or valkey-server)',
    apt: 'redis-server',
    brew: 'redis',
    variable: 'REDIS_URL',
  },
  postgres: {
    short: 'PostgreSQL',
    name: 'PostgreSQL (initdb and postgres)',
    apt: 'postgresql',
    brew: 'postgresql@17',
    variable: 'DATABASE_URL',
  },
};

/**
 * A server that the user names comes first, then a program of this machine, then a package, then a container. After an
 * installation the question is asked again, with the facts of then and without apt.
 *
 * @param {Facts} facts
 * @returns {UsePlan | InstallPlan | NoPlan}
 */
export function planServers(facts) {
  const missing = kinds.filter((kind) => !facts.urls[kind] && !facts.programs[kind]);
  if (missing.length > 0 && facts.canUseApt)
    return { act: 'install', packages: missing.map((kind) => words[kind].apt) };
  if (missing.length > 0 && !facts.dockerAnswers)
    return { act: 'give up', missing: nameMissing(missing), message: explainMissing(missing) };
  return { act: 'use', redis: redisSourceOf(facts), postgres: sourceOf('postgres', facts) };
}

/**
 * @param {Facts} facts
 * @returns {RedisSource}
 */
function redisSourceOf(facts) {
  const { dragonfly, programs } = facts;
  return dragonfly === undefined
    ? sourceOf('redis', facts)
    : { way: 'dragonfly', path: dragonfly, program: programs.redis };
}

/**
 * @param {Kind} kind
 * @param {Facts} facts
 * @returns {Source}
 */
function sourceOf(kind, { urls, programs }) {
  const url = urls[kind];
  if (url) return { way: 'url', url };
  const path = programs[kind];
  return path ? { way: 'program', path } : { way: 'docker' };
}

/** @param {readonly Kind[]} missing */
function nameMissing(missing) {
  return `this machine has no ${missing.map((kind) => words[kind].short).join(' and no ')}`;
}

/**
 * @param {readonly Kind[]} missing
 * @returns {string}
 */
export function explainMissing(missing) {
  const list = (/** @type {keyof typeof words.redis} */ word, separator = ' ') =>
    missing.map((kind) => words[kind][word]).join(separator);
  return [
    `Not found on this machine: ${list('name', ' and ')}.`,
    'Do one of these, and run the command again:',
    `  Debian, Ubuntu:  sudo apt-get install ${list('apt')}`,
    `  macOS:           brew install ${list('brew')}`,
    '  anywhere:        start Docker, with its compose plug-in',
    `  your own server: set ${list('variable', ' and ')} (it will be written to)`,
  ].join('\n');
}
