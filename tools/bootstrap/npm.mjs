/**
 * How to call npm: the very npm that has called us, or the one on the path.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {[string, ...string[]]}
 */
export function npmCommand(env) {
  const caller = env['npm_execpath'];
  return caller?.endsWith('npm-cli.js') ? [process.execPath, caller] : ['npm'];
}
