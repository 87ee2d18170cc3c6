/**
 * A leash: a child that dies with us, however we die.
 *
 * The child inherits the reading end of a pipe whose writing end only this process holds. When this process ends,
 * even by `kill -9`, the kernel closes the pipe, and a watcher beside the child ends it and removes its folder.
 *
 * The watcher belongs to the child's process group, and a process id is not given out again while a group bears it.
 * So the watcher can never hit a stranger, not even when the child has long been gone.
 */
import { spawn } from 'node:child_process';

// `( ( … ) & )` hands the watcher to init, so that the server never meets a child process that it does not know.
const script = `
signal=$1; target=$2; folder=$3; shift 3; child=$$
if [ "$target" = group ]; then target=-$child; else target=$child; fi
( (
  if read -r released <&3; then exit 0; fi
  trap '' INT QUIT TERM HUP
  kill -s "$signal" -- "$target"
  rounds=0
  while kill -0 "$child" && [ "$rounds" -lt 100 ]; do rounds=$((rounds + 1)); sleep 0.1; done
  if [ -n "$folder" ]; then rm -rf "$folder"; fi
  kill -s KILL -- "$target"
) >/dev/null 2>&1 </dev/null & )
exec "$@" 3<&-
`;

/**
 * @typedef {object} LeashOptions
 * @property {NodeJS.Signals} [signal] how the watcher ends the child when we are gone; `SIGKILL` by default
 * @property {boolean} [wholeGroup] ends what the child has started too, with it or with us
 * @property {string} [folder] what the watcher removes when we are gone
 * @property {number | 'ignore' | 'inherit'} [output] where stdout and stderr of the child go; `ignore` by default
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 * @property {number} [uid]
 * @property {number} [gid]
 */

/**
 * Starts `command` on a leash. The id of the returned process is the command's own.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {LeashOptions} [options]
 * @returns {import('node:child_process').ChildProcess}
 */
export function spawnOnLeash(command, options = {}) {
  const { signal = 'SIGKILL', wholeGroup = false, folder = '', output = 'ignore', ...rest } = options;
  const target = wholeGroup ? 'group' : 'child';
  const child = spawn('/bin/sh', ['-c', script, 'leash', signal.slice('SIG'.length), target, folder, ...command], {
    ...rest,
    detached: true,
    stdio: ['ignore', output, output, 'pipe'],
  });
  const leash = /** @type {import('node:stream').Writable} */ (child.stdio[3]);
  leash.on('error', () => {}); // The watcher may be gone first; then nobody is left to be told.
  child.once('exit', () => {
    if (wholeGroup) endGroup(Number(child.pid));
    leash.end('released\n');
  });
  // The leash must not keep this process alive; the child itself does.
  /** @type {import('node:net').Socket} */ (leash).unref();
  return child;
}

/**
 * Ends what is left of the group of a child that has just ended. The watcher is still a part of it, so it is still
 * ours.
 *
 * @param {number} leader
 */
function endGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

/**
 * Resolves once the child has ended, however it ended.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<void>}
 */
export function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}
