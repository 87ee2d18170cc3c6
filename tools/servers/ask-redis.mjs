/** One command to a Redis on this machine, without a client: tools have no packages of their own. */
import { connect } from 'node:net';

/**
 * @param {number} port
 * @param {readonly (string | number)[]} words without spaces
 * @returns {Promise<string>} the answer, which must be no list
 */
export function askRedis(port, words) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (part) => {
      answer += part;
      const [, kind = '', line = ''] = /^([+:$-])(.*)\r\n/.exec(answer) ?? [];
      if (kind === '') return;
      const text = kind === '$' ? answer.slice(line.length + 3) : `${line}\r\n`;
      if (kind === '$' && Buffer.byteLength(text) < Number(line) + 2) return;
      socket.destroy();
      if (kind === '-') reject(new Error(`Redis has answered ${words.join(' ')} with ${line}`));
      else resolve(text.slice(0, -2));
    });
    socket.write(`${words.join(' ')}\r\n`);
  });
}
