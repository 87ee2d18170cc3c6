/**
 * Runs a command with a private Redis and PostgreSQL, named to it by REDIS_URL and DATABASE_URL:
 *
 *     node tools/with-servers.mjs -- <command> [arguments]
 */
import { runCommand } from './run-command.mjs';
import { startServers } from './servers/servers.mjs';

const [separator, program, ...args] = process.argv.slice(2);
if (separator !== '--' || program === undefined) {
  console.error('Usage: node tools/with-servers.mjs -- <command> [arguments]');
  process.exit(2);
}

/** @type {import('./servers/servers.mjs').Servers | undefined} */
let servers;
try {
  servers = await startServers();
  process.exitCode = await runCommand([program, ...args], { env: { ...process.env, ...servers.env } });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await servers?.stop();
}
