/** Runs a command as a part of this process: its output is ours, its end is ours, and our signals are its signals. */
import { constants } from 'node:os';
import { spawnOnLeash } from './servers/leash.mjs';

const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

// One Ctrl-C arrives here several times: from the terminal, and from every npm above us that passes it on. The command
// may take a second signal as "at once", so copies that arrive together count as one.
const copiesArriveWithinMs = 500;

// Taken at once: later it may be another one already.
const parent = process.ppid;

/**
 * Resolves with the exit code; for a command that was ended by a signal, with 128 + its number, as shells do.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, output?: number }} [options] `output`: where its stdout goes as well
 * as its stderr
 * @returns {Promise<number>}
 */
export function runCommand(command, options = {}) {
  const child = spawnOnLeash(command, { output: 'inherit', ...options, signal: 'SIGTERM', wholeGroup: true });
  let last = -Infinity;
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    const now = performance.now();
    if (now - last > copiesArriveWithinMs) child.kill(signal);
    last = now;
  };
  for (const signal of signals) process.on(signal, pass);
  const unwatch = onceOrphaned(() => pass('SIGTERM'));

  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      unwatch();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/**
 * npm runs a script through a shell, and a shell that is ended does not pass that on. The orphan notices by
 * its new parent.
 *
 * @param {() => void} act
 * @returns {() => void}
 */
function onceOrphaned(act) {
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, 500);
  return () => clearInterval(timer);
}
