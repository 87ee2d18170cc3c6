import process from 'node:process';
import type { Terminal } from './terminal.js';

/** The terminal of this process. Without one, nothing but plain lines is printed. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  return {
    isInteractive: stdout.isTTY,
    hasProgress: stderr.isTTY,
    // A terminal that does not know its width answers 0.
    width: stdout.isTTY && stdout.columns > 0 ? stdout.columns : 80,
    hasColour: stdout.isTTY && stdout.hasColors() && (process.env['NO_COLOR'] ?? '') === '',
    print: (text) => void stdout.write(`${text}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    clear: () => void stdout.write('\u001b[2J\u001b[H'),
  };
}
