/** A step of `npm run check`: each package has what it needs to be published, and their ranges agree. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readPackages } from './release/packages.mjs';
import { problemsOf } from './release/problems.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}lerna.json`, 'utf8'));
const problems = problemsOf(readPackages(root), version);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
