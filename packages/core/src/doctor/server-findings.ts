import { textOf } from '../errors.js';
import type { ServerExamination } from '../staging/redis/examine-server.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** From this part of its memory on, a server is nearly full. */
const NEARLY_FULL = 0.9;

/** A server of Redis that could not be asked. */
export function serverUnreachable(error: unknown): Finding {
  return problem(
    'redis',
    textOf(error),
    'See whether the server runs, and whether place, user, password and TLS are right.',
  );
}

/** What is found about one server of Redis. */
export function serverFindings(examined: ServerExamination, acceptVolatile: boolean): readonly Finding[] {
  return [
    ok('redis', `${examined.server} answers.`),
    ...scriptFindings(examined),
    ...keepingFindings(examined, acceptVolatile),
    ...memoryFindings(examined),
  ];
}

function* scriptFindings({ server, refusal, missing }: ServerExamination): Generator<Finding> {
  if (refusal) {
    yield problem(
      'redis-scripts',
      `${server} runs no scripts for this user: ${textOf(refusal)}`,
      'Let the user run EVAL and EVALSHA, and give Spillway a server where they are not renamed. redisRights() prints all rights.',
    );
    return;
  }
  yield ok('redis-scripts', `${server} runs scripts, and their answers arrive as they are.`);
  if (missing.length === 0) yield ok('redis-rights', `The user may run every command of the scripts at ${server}.`);
  else
    yield problem(
      'redis-rights',
      `The user lacks ${missing.join(', ')} at ${server}.`,
      `Give the user ${missing.map((command) => `+${command}`).join(' ')}. redisRights() prints all rights.`,
    );
}

function* keepingFindings({ server, settings }: ServerExamination, acceptVolatile: boolean): Generator<Finding> {
  if (settings === undefined) {
    yield warning(
      'redis-persistence',
      `${server} does not tell whether it keeps its data, or evicts keys.`,
      'Let the user run CONFIG GET, or make sure of appendonly yes and maxmemory-policy noeviction by hand.',
    );
    return;
  }
  const bad = acceptVolatile ? warning : problem;
  if (!settings.persists)
    yield bad(
      'redis-persistence',
      `${server} keeps nothing over a restart: it has no append-only file and no save points. Staged changes would be lost.`,
      'Set "appendonly yes".',
    );
  else if (!settings.hasAppendOnlyFile)
    yield warning(
      'redis-persistence',
      `${server} keeps its data by save points alone: a crash loses what was staged since the last one.`,
      'Set "appendonly yes".',
    );
  else yield ok('redis-persistence', `${server} has an append-only file.`);
  if (settings.evicts)
    yield bad(
      'redis-eviction',
      `${server} evicts keys when its memory is full (maxmemory-policy ${settings.evictionPolicy}). Staged changes would be lost.`,
      'Set "maxmemory-policy noeviction".',
    );
  else yield ok('redis-eviction', `${server} evicts nothing.`);
}

function* memoryFindings({ server, memory }: ServerExamination): Generator<Finding> {
  if (memory === undefined) return;
  const percent = Math.round((100 * memory.used) / memory.most);
  const message = `${server} uses ${percent} % of its memory.`;
  if (memory.used < NEARLY_FULL * memory.most) yield ok('redis-memory', message);
  else
    yield problem(
      'redis-memory',
      `${message} When it is full, changes are refused.`,
      'Raise maxmemory, lower maxPending or cache.maxBytes, and see why PostgreSQL does not keep up.',
    );
}
