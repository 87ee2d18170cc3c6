import type { Duration, Spillway } from '@spillway/core';
import { Command, Option } from 'commander';
import type { Acting, Answer, Session } from '../command.js';
import { entityNamed } from '../entity-named.js';
import { EXIT } from '../exit-code.js';
import { Interruption } from '../interruption.js';
import { withDrainProgress } from '../output/drain-progress.js';
import { durationOption } from '../read-options.js';

interface DrainOptions {
  readonly until: 'tried' | 'written';
  readonly timeout: Duration;
}

/** `spillway drain`: writes what is pending, now, of one entity or of all. */
export function drainCommand(session: Session): Command {
  const command = new Command('drain')
    .description('write what is pending, now')
    .argument('[entity]', 'the class of an entity; without it, all entities')
    .addOption(
      new Option('--until <state>', 'tried: once; written: until all is in PostgreSQL, or a dead letter')
        .choices(['tried', 'written'])
        .default('tried'),
    )
    .option('--timeout <duration>', 'how long it may take', durationOption, '5m');
  return command.action(async (entity: string | undefined) =>
    session.act<DrainOptions>(command, async (acting) => drain(acting, entity)),
  );
}

async function drain(
  { orm, spillway, terminal, options }: Acting<DrainOptions>,
  entity: string | undefined,
): Promise<Answer> {
  using interruption = new Interruption();
  const { until, timeout, json = false } = options;
  const named = entity === undefined ? undefined : entityNamed(orm, entity);
  const work = async (): Promise<{ readonly left: number }> =>
    spillway.drain(named, { until, timeout, signal: interruption.signal });
  const count = async (): Promise<number> => pendingIn(spillway, entity);
  const { left } = json ? await work() : await withDrainProgress(terminal, count, work);
  const pending = await count();
  return {
    json: { left, pending },
    show: (page) => page.line(left === 0 ? 'Everything that was staged before is written.' : notAll(left, pending)),
    exitCode: left === 0 ? EXIT.FINE : EXIT.LEFT,
  };
}

function notAll(left: number, pending: number): string {
  return `Some records have to wait, in ${left} shards: ${pending} rows are pending. Wait for them by --until written.`;
}

async function pendingIn(spillway: Spillway, entity: string | undefined): Promise<number> {
  const { pending } = await spillway.status();
  if (entity !== undefined) return pending[entity] ?? 0;
  return Object.values(pending).reduce((sum, count) => sum + count, 0);
}
