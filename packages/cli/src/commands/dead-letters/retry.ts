import type { RetriedLetters, Spillway } from '@spillway/core';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../../command.js';
import { EXIT } from '../../exit-code.js';
import { Interruption } from '../../interruption.js';
import { assertSelected, filterOf, type SelectionOptions, withSelection } from './letter-filter.js';
import { letterId } from './letter-id.js';

interface RetryOptions extends SelectionOptions {
  readonly force?: boolean;
}

/** `spillway dead-letters retry`: puts letters back as pending changes. */
export function retryCommand(session: Session): Command {
  const command = withSelection(new Command('retry').description('put dead letters back, to be written')).option(
    '--force',
    'also letters whose rows were staged or written since',
  );
  return command.action(async (names: readonly string[]) =>
    session.act<RetryOptions>(command, async (acting) => retry(acting, names)),
  );
}

async function retry({ orm, spillway, options }: Acting<RetryOptions>, names: readonly string[]): Promise<Answer> {
  assertSelected(names, options);
  const { force = false, limit } = options;
  using interruption = new Interruption();
  const { signal } = interruption;
  const retried: Retried =
    names.length > 0
      ? await retryNamed(spillway, names, { force, signal })
      : await spillway.deadLetters.retryAll(filterOf(orm, options), { force, signal, ...(limit && { limit }) });
  const { staged, newer, refused, absent = 0, refusal } = retried;
  const said = refusal?.message;
  return {
    json: { staged, newer, refused, absent, ...(said !== undefined && { refusal: said }) },
    show: (page) => {
      page.line(`Put back: ${staged}.`);
      if (newer > 0)
        page.line(`Left, because their rows were staged or written since: ${newer}. --force takes them too.`);
      if (refused > 0) page.line(`Left, because they cannot be put back: ${refused}. The first one: ${said}`);
      if (absent > 0) page.line(`Not there (any more): ${absent}.`);
    },
    exitCode: newer + refused + absent > 0 ? EXIT.LEFT : EXIT.FINE,
  };
}

interface Retried extends RetriedLetters {
  readonly absent?: number;
}

async function retryNamed(
  spillway: Spillway,
  names: readonly string[],
  options: { readonly force: boolean; readonly signal: AbortSignal },
): Promise<Retried> {
  const counts = { staged: 0, newer: 0, absent: 0, refused: 0 };
  for (const letter of names.map(letterId)) counts[await spillway.deadLetters.retry(letter, options)] += 1;
  return counts;
}
