/** Stands for packages that are not installed here. Its classes can be named, extended and registered: no more. */
import { randomUUID } from 'node:crypto';

class Missing {
  readonly isMissing = true;

  static register(): void {}
}

export const v4 = (): string => randomUUID();

export {
  Missing as EntityGenerator,
  Missing as LibSqlDriver,
  Missing as MariaDbDriver,
  Missing as Migration,
  Missing as Migrator,
  Missing as MongoDriver,
  Missing as MsSqlDriver,
  Missing as MySqlDriver,
  Missing as OracleDriver,
  Missing as SeedManager,
  Missing as Seeder,
  Missing as SqliteDriver,
  Missing as TsMorphMetadataProvider,
};
