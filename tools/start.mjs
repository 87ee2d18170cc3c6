/** `npm start`: see `start/start.mjs`. Its own lines go to stderr, so that stdout is the examples' alone. */
import { runCommand } from './run-command.mjs';
import { startRedisNodes } from './servers/redis-nodes.mjs';
import { startRedisSentinels } from './servers/redis-sentinels.mjs';
import { startServers } from './servers/servers.mjs';
import { start } from './start/start.mjs';

try {
  process.exitCode = await start(process.argv.slice(2), process.env, {
    startServers,
    startRedisNodes,
    startRedisSentinels,
    runExample: (name, args, env) => {
      const program = ['--enable-source-maps', `examples/${name}/dist/main.js`, ...args];
      return runCommand([process.execPath, ...program], { env });
    },
    say: (line) => console.error(line),
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
