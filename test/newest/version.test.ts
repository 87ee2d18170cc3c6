import { Utils } from '@mikro-orm/core';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Manifest;
}

test('the newest MikroORM of this run is newer than the one of the repository, which has decorators', () => {
  const { dependencies = {} } = manifest('mikro-orm/package.json');
  const { devDependencies = {} } = manifest('../../packages/core/package.json');
  const newest = Utils.getORMVersion();
  const { '@mikro-orm/decorators': ofDecorators, ...others } = dependencies;
  expect(new Set(Object.values(others))).toEqual(new Set([newest]));
  expect(devDependencies['@mikro-orm/core']).toBe(ofDecorators);
  expect(newest).not.toBe(ofDecorators);
});
