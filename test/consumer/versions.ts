import { readFileSync } from 'node:fs';
import { root } from '../docs/markdown.js';

type Dependencies = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
}

/**
 * The versions that this repository is tested with, by package: what `npm install name` would bring is another one
 * every day.
 */
function testedVersions(): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  for (const file of [
    'package.json',
    'packages/core/package.json',
    'packages/nestjs/package.json',
    'packages/telemetry/package.json',
    'examples/express-telemetry/package.json',
  ]) {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}${file}`, 'utf8')) as Manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      if (version !== '*') versions.set(name, version);
  }
  return versions;
}

/**
 * `express` -> `express@^5.1.0`.
 * @param others versions to take instead, by what the names of packages begin with
 */
export function withVersions(words: readonly string[], others: Readonly<Record<string, string>> = {}): string[] {
  const versions = testedVersions();
  return words.map((word) => {
    const other = Object.entries(others).find(([beginning]) => word.startsWith(beginning));
    const version = other?.[1] ?? versions.get(word);
    return version === undefined ? word : `${word}@${version}`;
  });
}
