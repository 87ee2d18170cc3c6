import { Utils } from '@mikro-orm/core';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Manifest;
}

test('the oldest MikroORM of this run is the oldest one that the package admits, and is not the newest', () => {
  const { dependencies = {} } = manifest('mikro-orm/package.json');
  const { peerDependencies = {} } = manifest('../../packages/core/package.json');
  const oldest = Utils.getORMVersion();
  expect(new Set(Object.values(dependencies))).toEqual(new Set([oldest]));
  for (const name of ['@mikro-orm/core', '@mikro-orm/postgresql']) expect(peerDependencies[name]).toBe(`^${oldest}`);
});
