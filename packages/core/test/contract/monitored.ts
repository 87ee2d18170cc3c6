import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One command that a server has run. Bytes are characters of latin1. */
export interface MonitoredCommand {
  readonly isOfScript: boolean;
  /** The name of the command first. */
  readonly args: readonly string[];
}

/** Reads what a server runs, by MONITOR. A monitor of ioredis gives bytes as MONITOR escapes them; keys are bytes. */
export class Monitor implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #hear: (command: MonitoredCommand) => void;
  #rest = '';

  private constructor(socket: Socket, hear: (command: MonitoredCommand) => void) {
    this.#socket = socket;
    this.#hear = hear;
    socket.setEncoding('latin1').on('data', (part: string) => this.#read(part));
  }

  static async of(url: string, hear: (command: MonitoredCommand) => void): Promise<Monitor> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const monitor = new Monitor(socket, hear);
    const begun = once(socket, 'data');
    socket.write('MONITOR\r\n');
    await begun;
    return monitor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }

  #read(part: string): void {
    const lines = (this.#rest + part).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const command = monitoredCommand(line);
      if (command) this.#hear(command);
    }
  }
}

/** `+1764567890.123456 [0 lua] "HGET" "{app:0}:chain" "epoch"`; nothing for other lines. */
export function monitoredCommand(line: string): MonitoredCommand | undefined {
  const [, client, quoted] = /^\+\d+\.\d+ \[\d+ ([^\]]*)\] (".*")$/su.exec(line) ?? [];
  if (client === undefined || quoted === undefined) return undefined;
  const args = [...quoted.matchAll(/"((?:[^"\\]|\\.)*)"/gsu)].map(([, text = '']) => plain(text));
  return { isOfScript: client === 'lua', args };
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b' };

function plain(quoted: string): string {
  return quoted.replaceAll(/\\(?:x([\da-f]{2})|(.))/gsu, (_, hex: string | undefined, letter = '') =>
    hex === undefined ? (ESCAPED[letter] ?? letter) : String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}
