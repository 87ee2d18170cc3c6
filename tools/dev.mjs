/**
 * `npm run dev -- [vitest arguments]`: watches the sources and runs the tests that a change concerns, on servers that
 * are started once. Without arguments nothing runs before the first change.
 */
import { runCommand } from './run-command.mjs';
import { settingsOfTests } from './servers/postgres.mjs';
import { startServers } from './servers/servers.mjs';

const args = process.argv.slice(2);
const servers = await startServers({ postgresSettings: settingsOfTests });
try {
  process.exitCode = await runCommand(['vitest', 'watch', ...(args.length === 0 ? ['--standalone'] : args)], {
    env: { ...process.env, ...servers.env, SPILLWAY_TESTS: 'short' },
  });
} finally {
  await servers.stop();
}
