/** Starting a server on a port of its own, and waiting until it is ready. */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ended, spawnOnLeash } from './leash.mjs';

/**
 * @typedef {object} RunningServer
 * @property {string} url
 * @property {number} port
 * @property {number} pid
 * @property {string} log the file that the server writes its log to
 * @property {() => boolean} hasEnded
 * @property {() => Promise<void>} stop ends the server and waits until it is gone; its data stays
 */

/** A server could not be started; the message holds the end of its log. */
class ServerStartError extends Error {
  /**
   * @param {string} message
   * @param {string} log what the server has written
   */
  constructor(message, log) {
    super(`${message}\nThe end of its log:\n${log.slice(-2_000)}`);
    this.name = 'ServerStartError';
    this.isPortTaken = /address already in use/i.test(log);
  }
}

/**
 * A free port may be taken by somebody else before the server has it, so that start is tried with another one.
 *
 * @template T
 * @param {number | undefined} wanted this port and no other
 * @param {(port: number) => Promise<T>} start
 * @returns {Promise<T>}
 */
export async function onFreePort(wanted, start) {
  if (wanted !== undefined) return start(wanted);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 5 || !(error instanceof ServerStartError && error.isPortTaken)) throw error;
    }
  }
}

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('A server on 127.0.0.1 was given no port.'));
      });
    });
  });
}

/**
 * Starts `command` on a leash with its output in `log`, and waits until it is ready.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {object} options
 * @param {string} options.log
 * @param {RegExp | (() => Promise<boolean>)} options.ready what the server writes once it takes connections; or asks it
 * @param {import('./leash.mjs').LeashOptions} options.leash
 * @param {number} [options.timeoutMs]
 */
export async function startServer(command, { log, ready, leash, timeoutMs = 60_000 }) {
  const output = openSync(log, 'a');
  const before = statSync(log).size; // A server that is started again appends to the log of its earlier life.
  const child = spawnOnLeash(command, { ...leash, output });
  closeSync(output);

  let over = false;
  void ended(child).then(() => (over = true));
  const written = () => readFileSync(log).subarray(before).toString();
  const isReady = async () => (ready instanceof RegExp ? ready.test(written()) : ready());
  const deadline = Date.now() + timeoutMs;
  while (!(await isReady())) {
    if (over) throw new ServerStartError(`${command[0]} ended before it was ready.`, written());
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new ServerStartError(`${command[0]} was not ready after ${timeoutMs} ms.`, written());
    }
    await pause(20);
  }
  return { child, pid: Number(child.pid), hasEnded: () => over };
}
