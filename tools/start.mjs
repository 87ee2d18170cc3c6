/**
 * What `npm start` shows: first the example of forty lines, then a shop on live traffic whose processes are killed. Arguments are the shop's, and with them it runs alone; so it does on servers
 * that REDIS_URL or DATABASE_URL name, where the first one would leave a table behind.
 */
import { runCommand } from './run-command.mjs';

const args = process.argv.slice(2);
const hasServers = ['REDIS_URL', 'DATABASE_URL'].some((name) => process.env[name] !== undefined);

if (args.length === 0 && !hasServers) process.exitCode = await runExample('standalone');
if (!process.exitCode) process.exitCode = await runExample('shop', ...args);

/**
 * @param {string} name
 * @param {readonly string[]} parameters
 */
async function runExample(name, ...parameters) {
  if (parameters.length === 0) console.log(`examples/${name}:`);
  const program = ['--enable-source-maps', `examples/${name}/dist/main.js`, ...parameters];
  return runCommand([process.execPath, 'tools/with-servers.mjs', '--', process.execPath, ...program]);
}
