import { type DeadLetter, keyText } from '@spillway/core';
import { Command } from 'commander';
import type { Answer, Session } from '../../command.js';
import { WrongUsage } from '../../exit-code.js';
import type { Page } from '../../output/page.js';
import { letterId, letterText } from './letter-id.js';

/** `spillway dead-letters show`: one letter, with its values and all that PostgreSQL has said. */
export function showCommand(session: Session): Command {
  const command = new Command('show')
    .description('show a dead letter with its values, and all that PostgreSQL has said of it')
    .argument('<letter>', 'its name, such as 3/17');
  return command.action(async (name: string) =>
    session.act(command, async ({ spillway }) => {
      const letter = await spillway.deadLetters.get(letterId(name));
      if (letter === undefined) throw new WrongUsage(`There is no dead letter ${name} (any more)`);
      return shown(letter);
    }),
  );
}

function shown(letter: DeadLetter): Answer {
  return { json: letter, show: (page) => showLetter(page, letter) };
}

function showLetter(page: Page, letter: DeadLetter): void {
  const { record, message } = letter;
  page.table(
    'letter',
    ['letter', letterText(letter)],
    [
      ['entity', record.entity],
      ['key', keyText(letter.rowKey)],
      ['since', new Date(letter.atMs).toISOString()],
      ['code', letter.code],
      ['reason', letter.reason],
      ...(message === undefined ? [] : [['message', message]]),
      ['change', record.kind],
      ['expects version', record.base ?? 'any'],
      ['coalesced changes', String(record.merged)],
    ],
  );
  // Values are JSON texts, so nothing in them moves the cursor.
  page.table('value', ['property', 'value'], Object.entries(record.values));
  page.table(
    'difference',
    ['counter', 'difference'],
    Object.entries(record.deltas).map(([name, delta]) => [name, delta.startsWith('-') ? delta : `+${delta}`]),
  );
}
