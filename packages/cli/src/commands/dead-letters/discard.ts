import type { Spillway } from '@spillway/core';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../../command.js';
import { EXIT } from '../../exit-code.js';
import { Interruption } from '../../interruption.js';
import { assertSelected, filterOf, type SelectionOptions, withSelection } from './letter-filter.js';
import { letterId } from './letter-id.js';

/** `spillway dead-letters discard`: throws letters away. */
export function discardCommand(session: Session): Command {
  const command = withSelection(
    new Command('discard').description('throw dead letters away; their changes are lost then'),
  );
  return command.action(async (names: readonly string[]) =>
    session.act<SelectionOptions>(command, async (acting) => discard(acting, names)),
  );
}

async function discard(
  { orm, spillway, options }: Acting<SelectionOptions>,
  names: readonly string[],
): Promise<Answer> {
  assertSelected(names, options);
  const { limit } = options;
  using interruption = new Interruption();
  const { signal } = interruption;
  const { discarded } =
    names.length > 0
      ? await discardNamed(spillway, names)
      : await spillway.deadLetters.discardAll(filterOf(orm, options), { signal, ...(limit && { limit }) });
  const absent = names.length > 0 ? names.length - discarded : 0;
  return {
    json: { discarded, absent },
    show: (page) => {
      page.line(`Discarded: ${discarded}.`);
      if (absent > 0) page.line(`Not there (any more): ${absent}.`);
    },
    exitCode: absent > 0 ? EXIT.LEFT : EXIT.FINE,
  };
}

async function discardNamed(spillway: Spillway, names: readonly string[]): Promise<{ readonly discarded: number }> {
  let discarded = 0;
  for (const letter of names.map(letterId)) if (await spillway.deadLetters.discard(letter)) discarded += 1;
  return { discarded };
}
