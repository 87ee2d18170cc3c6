import type { MikroORM } from '@mikro-orm/core';
import type { AllLettersFilter } from '@spillway/core';
import type { Command } from 'commander';
import { entityNamed } from '../../entity-named.js';
import { WrongUsage } from '../../exit-code.js';
import { numberOption } from '../../read-options.js';

/** Options that select dead letters. */
export interface FilterOptions {
  readonly entity?: string;
  readonly code?: string;
}

/** Options of acts on letters that are named, or selected. */
export interface SelectionOptions extends FilterOptions {
  readonly all?: boolean;
  readonly limit?: number;
}

export function withFilter(command: Command): Command {
  return command
    .option('--entity <class>', 'letters of this entity')
    .option('--code <code>', 'letters with this code, such as 23505 or STAGING_LOSS');
}

export function withSelection(command: Command): Command {
  return withFilter(command.argument('[letters...]', 'names of letters, such as 3/17'))
    .option('--all', 'all letters')
    .option('--limit <number>', 'at most so many, of those that are selected', numberOption(1));
}

export function filterOf(orm: MikroORM, { entity, code }: FilterOptions): AllLettersFilter {
  return { ...(entity !== undefined && { entity: entityNamed(orm, entity) }), ...(code !== undefined && { code }) };
}

/** An act on all letters has to say so. @throws WrongUsage */
export function assertSelected(names: readonly string[], { entity, code, all = false }: SelectionOptions): void {
  const isFiltered = entity !== undefined || code !== undefined;
  if (names.length > 0 && (isFiltered || all))
    throw new WrongUsage('Name letters, or select them by --entity, --code or --all; not both');
  if (names.length === 0 && !isFiltered && !all)
    throw new WrongUsage('Say which letters are meant: name them, or select them by --entity, --code or --all');
  if (all && isFiltered) throw new WrongUsage('--all means every letter: leave out --entity and --code, or --all');
}
