import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Order, Start } from './messages.js';
import type { Readings } from './side.js';

/** A side in a process of its own, as the benchmark sees it. */
export interface RunningSide {
  round(round: number): Promise<Readings>;
  check(): Promise<void>;
  /** Ends the process. Kills it if it does not end by itself. */
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const onPackage = new URL('on-package.ts', import.meta.url).href;

/**
 * Starts the process of a side, and waits until its tables and connections are ready.
 * @param packageFolder the folder of a compiled `@spillway/core`
 * @throws Error with what the side has thrown
 */
export async function startSide(start: Start, packageFolder: string): Promise<RunningSide> {
  const child = fork(program, [JSON.stringify(start)], {
    execArgv: ['--import', onPackage],
    env: { ...process.env, SPILLWAY_BENCH_PACKAGE: packageFolder },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));

  async function answer(order?: Order): Promise<Readings> {
    const answered = new Promise<Answer>((resolve) => {
      const died = (): void => resolve({ failed: 'Its process has ended.' });
      child.once('exit', died);
      child.once('message', (message) => {
        child.off('exit', died);
        resolve(message as Answer);
      });
      if (child.exitCode !== null || child.signalCode !== null) died();
    });
    if (order && child.connected) child.send(order);
    const result = await answered;
    if ('readings' in result) return result.readings;
    throw new Error(`${start.measurement}, side "${start.side}": ${result.failed}`);
  }

  async function end(): Promise<void> {
    child.kill('SIGKILL');
    await ended;
  }

  try {
    await answer();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    round: (round) => answer({ act: 'round', round }),
    check: async () => void (await answer({ act: 'check' })),
    async close() {
      try {
        await answer({ act: 'close' });
      } finally {
        await end();
      }
    },
  };
}
