import type { DatabaseServer } from '../../database-examination.js';
import type { Session } from '../session.js';

export async function serverFacts(session: Session): Promise<DatabaseServer> {
  const [row = []] = await session.rows(
    `select current_setting('server_version'), current_user::text, current_database()::text, pg_is_in_recovery()::text`,
    [],
  );
  const [version, role, database, isReplica] = row;
  return {
    version: version?.split(' ')[0] ?? '',
    role: role ?? '',
    database: database ?? '',
    isReplica: isReplica?.startsWith('t') === true,
  };
}
