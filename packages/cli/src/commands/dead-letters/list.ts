import { type DeadLetter, keyText } from '@spillway/core';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../../command.js';
import { numberOption } from '../../read-options.js';
import { filterOf, type FilterOptions, withFilter } from './letter-filter.js';
import { letterText } from './letter-id.js';

interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly offset: number;
}

/** `spillway dead-letters list`: a page of letters, without their values. */
export function listCommand(session: Session): Command {
  const command = withFilter(new Command('list').description('list dead letters, newest first within a shard'))
    .option('--limit <number>', 'letters of a page', numberOption(1), 100)
    .option('--offset <number>', 'letters of the pages before', numberOption(0), 0);
  return command.action(async () => session.act<ListOptions>(command, list));
}

async function list({ orm, spillway, options }: Acting<ListOptions>): Promise<Answer> {
  const { limit, offset } = options;
  const page = { ...filterOf(orm, options), offset };
  // One more shows whether there is a next page.
  const found = await spillway.deadLetters.list({ ...page, limit: limit + 1 });
  const letters = found.slice(0, limit);
  const next = found.length > limit ? offset + limit : undefined;
  return {
    json: { letters: letters.map(withoutValues), ...(next !== undefined && { next }) },
    show: (shown) => {
      shown.table(
        'letter',
        ['letter', 'entity', 'key', 'code', 'since', 'reason'],
        letters.map((letter) => [
          letterText(letter),
          letter.record.entity,
          keyText(letter.rowKey),
          letter.code,
          new Date(letter.atMs).toISOString(),
          letter.reason,
        ]),
      );
      if (letters.length === 0) shown.line('There are no such dead letters.');
      if (next !== undefined) shown.line(`There are more: --offset ${next}`);
    },
  };
}

function withoutValues({ shard, id, rowKey, code, reason, atMs, record }: DeadLetter): object {
  return { shard, id, entity: record.entity, key: keyText(rowKey), kind: record.kind, code, reason, atMs };
}
