import { readFileSync } from 'node:fs';
import { root } from '../docs/markdown.js';

type Dependencies = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
}

/** The versions that this repository is tested with, by package: what `npm install name` would bring is another one every day. */
export function testedVersions(): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  for (const file of [
    'package.json',
    'packages/core/package.json',
    'packages/nestjs/package.json',
    'examples/express-telemetry/package.json',
  ]) {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}${file}`, 'utf8')) as Manifest;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      if (version !== '*') versions.set(name, version);
  }
  return versions;
}

/** `express` -> `express@^5.1.0`. */
export function withVersions(words: readonly string[]): string[] {
  const versions = testedVersions();
  return words.map((word) => {
    const version = versions.get(word);
    return version === undefined ? word : `${word}@${version}`;
  });
}
