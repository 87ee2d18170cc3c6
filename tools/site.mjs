/**
 * `npm run site` builds the documentation site into `dist/site`: the pages of `docs`, the API reference below
 * `reference`, and the texts for language models. It fails for links and anchors that lead nowhere.
 * `--without-reference` leaves the API reference out, and checks no link to it.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deadLinks } from './site/dead-links.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const site = fileURLToPath(new URL('../dist/site', import.meta.url));
const hasReference = !process.argv.includes('--without-reference');

run('vitepress', 'build', 'docs');
if (hasReference)
  run('npm', 'exec', '--workspace=@spillway/reference', '--', 'typedoc', '--options', 'typedoc.site.json');

const dead = deadLinks(site, { except: hasReference ? [] : ['/reference/'] });
if (dead.length > 0) {
  console.error(`The site has links that lead nowhere. Correct them in docs:\n${dead.join('\n')}`);
  process.exit(1);
}
console.log(`The site is in ${site}. No link leads nowhere.`);

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
