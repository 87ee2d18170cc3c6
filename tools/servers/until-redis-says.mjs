/** Asks a Redis, or a sentinel, without a client: what is started here may run before anything is installed. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 50;

/**
 * Resolves when the answer to a command, as it comes over the wire, says all of this.
 *
 * @param {number} port
 * @param {string} command
 * @param {readonly RegExp[]} said
 */
export async function untilRedisSays(port, command, said) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let answers = '';
  socket.on('data', (part) => (answers += part));
  try {
    for (;;) {
      answers = '';
      socket.write(`${command}\r\n`);
      await pause(lookEveryMs);
      if (said.every((each) => each.test(answers))) return;
    }
  } finally {
    socket.destroy();
  }
}
