import { settingsOfTests } from '../../tools/servers/postgres.mjs';
import { startServers } from '../../tools/servers/servers.mjs';

/**
 * Starts the servers that the test files of a run share. Each vitest project calls this; the first one starts them, and
 * the others find them in the environment, as they would find servers that the user has named.
 */
export default async function startSharedServers(): Promise<() => Promise<void>> {
  const servers = await startServers({ postgresSettings: settingsOfTests });
  Object.assign(process.env, servers.env);
  return () => servers.stop();
}
