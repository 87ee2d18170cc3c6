import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
/** The root of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
/** Where the repository is read in a browser. */
export const repository = manifest.repository.url.replaceAll(/^git\+|\.git$/g, '');
/** The path below which the site is served: `SITE_BASE=/spillway/` where a host has several sites. */
export const base = process.env['SITE_BASE'] ?? '/';
//# sourceMappingURL=repository.js.map