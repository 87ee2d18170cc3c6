import type { MikroORM } from '@mikro-orm/core';
import type { Migrator } from '@mikro-orm/migrations';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../command.js';
import { WrongUsage } from '../exit-code.js';

interface MigrateOptions {
  readonly dryRun?: boolean;
  readonly emit?: boolean;
  readonly path?: string;
}

/** `spillway migrate`: makes Spillway's tables, shows their SQL, or writes a migration of MikroORM that makes them. */
export function migrateCommand(session: Session): Command {
  const command = new Command('migrate')
    .description("make Spillway's tables in PostgreSQL, where they are missing")
    .option('--dry-run', 'print the SQL instead; nothing is connected')
    .option('--emit', 'write a migration of MikroORM instead; nothing is connected')
    .option('--path <folder>', 'where --emit writes; by default where MikroORM has its migrations');
  return command.action(async () => session.act<MigrateOptions>(command, migrate));
}

async function migrate({ orm, spillway, options }: Acting<MigrateOptions>): Promise<Answer> {
  const { dryRun = false, emit = false, path } = options;
  if (dryRun && emit) throw new WrongUsage('--dry-run prints and --emit writes: give one of them');
  if (path !== undefined && !emit) throw new WrongUsage('--path says where --emit writes: give --emit too');
  if (dryRun) return printed(spillway.tables.sql());
  if (emit) return written(await emitMigration(orm, spillway.tables.sql(), path));
  return made((await spillway.tables.ensure()).shards);
}

function printed(statements: readonly string[]): Answer {
  return {
    json: { statements },
    show: (page) => page.line(statements.map((statement) => `${statement};`).join('\n')),
  };
}

function written(file: string): Answer {
  return {
    json: { file },
    show: (page) => page.line(`Wrote the migration ${file}. Run it with the others: mikro-orm migration:up`),
  };
}

function made(shards: number): Answer {
  return {
    json: { shards },
    show: (page) => page.line(`The tables are there, and the namespace has ${shards} shards.`),
  };
}

/** Writes with the generator, the folder, the language and the naming that the configuration gives MikroORM. */
async function emitMigration(orm: MikroORM, up: readonly string[], path: string | undefined): Promise<string> {
  const Base = migratorOf(orm);
  class Emitting extends Base {
    async emitted(): Promise<string> {
      await this.initPaths();
      // Without a way down: what other namespaces have in the tables would be lost.
      const [, file] = await this.generator.generate({ up: [...up], down: [] }, path, 'spillway');
      return file;
    }
  }
  return new Emitting(orm.em as ConstructorParameters<typeof Migrator>[0]).emitted();
}

/** The class of the application's own copy, which MikroORM has registered where it is installed. */
function migratorOf(orm: MikroORM): typeof Migrator {
  const migrator = orm.config.getExtension<Migrator>('@mikro-orm/migrator');
  if (migrator) return migrator.constructor as typeof Migrator;
  throw new WrongUsage('--emit writes a migration of MikroORM: install @mikro-orm/migrations, or use --dry-run');
}
