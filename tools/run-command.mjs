/** Runs a command as a part of this process: its output is ours, its end is ours, and our signals are its signals. */
import { constants } from 'node:os';
import { spawnOnLeash } from './servers/leash.mjs';

const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

// One Ctrl-C arrives here several times: from the terminal, and from every npm above us that passes it on. The command
// may take a second signal as "at once", so copies that arrive together count as one.
const copiesArriveWithinMs = 500;

/**
 * Resolves with the exit code; for a command that was ended by a signal, with 128 + its number, as shells do.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export function runCommand(command, { env = process.env } = {}) {
  const child = spawnOnLeash(command, { env, output: 'inherit', signal: 'SIGTERM' });
  let last = -Infinity;
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    const now = performance.now();
    if (now - last > copiesArriveWithinMs) child.kill(signal);
    last = now;
  };
  for (const signal of signals) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
