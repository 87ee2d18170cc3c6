import { Command } from 'commander';
import type { Session } from '../../command.js';
import { discardCommand } from './discard.js';
import { listCommand } from './list.js';
import { retryCommand } from './retry.js';
import { showCommand } from './show.js';

/** `spillway dead-letters`: changes that could not be written. */
export function deadLettersCommand(session: Session): Command {
  return new Command('dead-letters')
    .description('look at changes that could not be written, and put them back or discard them')
    .addCommand(listCommand(session))
    .addCommand(showCommand(session))
    .addCommand(retryCommand(session))
    .addCommand(discardCommand(session));
}
