import type { Duration } from '@spillway/core';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../command.js';
import { EXIT } from '../exit-code.js';
import { Interruption } from '../interruption.js';
import { durationOption } from '../read-options.js';

interface WorkerOptions {
  readonly timeout: Duration;
}

/** `spillway worker`: a process that writes what others stage, until it is asked to end. */
export function workerCommand(session: Session): Command {
  const command = new Command('worker')
    .description('write what is staged until SIGTERM or SIGINT, then drain and end')
    .option('--timeout <duration>', 'how long the last drain may take', durationOption, '30s');
  return command.action(async () => {
    // The configuration is that of the application, whose processes may only stage.
    process.env['SPILLWAY_WORKER'] = '1';
    await session.act<WorkerOptions>(command, work);
  });
}

async function work({ spillway, terminal, options }: Acting<WorkerOptions>): Promise<Answer> {
  using interruption = new Interruption();
  await spillway.start();
  terminal.say('The worker writes what is staged. SIGTERM ends it.');
  await interruption.come();
  terminal.say('The worker writes what is pending, and ends.');
  const { left } = await spillway.stop({ drain: true, timeout: options.timeout });
  return {
    json: { left: left ?? null },
    show: (page) => page.line(ended(left)),
    exitCode: left === 0 ? EXIT.FINE : EXIT.LEFT,
  };
}

function ended(left: number | undefined): string {
  if (left === undefined) return 'The worker has ended. Redis did not say whether anything is left.';
  if (left === 0) return 'The worker has ended, and nothing is left.';
  return `The worker has ended, and ${left} shards still hold changes. They stay staged for the next worker.`;
}
