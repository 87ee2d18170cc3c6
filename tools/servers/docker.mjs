/** Servers in containers of this run alone: a compose project that bears the process id, on ports that docker picks. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { spawnOnLeash } from './leash.mjs';

const run = promisify(execFile);
const file = fileURLToPath(new URL('compose.yaml', import.meta.url));
const ports = { redis: 6379, postgres: 5432 };

/**
 * @param {readonly import('./plan.mjs').Kind[]} kinds
 * @param {string} folder the run's folder; its name becomes the project's
 */
export async function startContainers(kinds, folder) {
  const project = path.basename(folder).toLowerCase();
  const compose = ['compose', '--project-name', `spillway-${project}`, '--file', file];
  // This process may be killed: then the leash ends the waiting `tail`, and the trap takes the containers down.
  const down = `trap 'docker ${compose.map((word) => `"${word}"`).join(' ')} down --volumes' TERM; tail -f /dev/null & wait`;
  const guard = spawnOnLeash(['/bin/sh', '-c', down], { signal: 'SIGTERM', wholeGroup: true });
  const stop = async () => {
    guard.kill('SIGKILL');
    await run('docker', [...compose, 'down', '--volumes']);
  };

  try {
    await run('docker', [...compose, 'up', '--detach', '--wait', ...kinds]);
    const urlOf = async (
      /** @type {import('./plan.mjs').Kind} */ kind,
      /** @type {(address: string) => string} */ url,
    ) => {
      if (!kinds.includes(kind)) return '';
      const { stdout } = await run('docker', [...compose, 'port', kind, String(ports[kind])]);
      return url(stdout.trim());
    };
    return {
      redis: await urlOf('redis', (address) => `redis://${address}`),
      postgres: await urlOf('postgres', (address) => `postgres://postgres@${address}/postgres`),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
