import { VERSION_NEUTRAL } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { getMikroORMToken } from '@mikro-orm/nestjs';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Manifest;
}

test('the NestJS of this run is the oldest one that the package admits', () => {
  const { dependencies = {} } = manifest('packages/package.json');
  const { peerDependencies = {} } = manifest('../../packages/nestjs/package.json');
  for (const name of ['@nestjs/common', '@nestjs/core'])
    expect(peerDependencies[name]?.split(' || ')[0]).toBe(`^${dependencies[name]}`);
  const there = createRequire(new URL('packages/package.json', import.meta.url));
  // The classes of this run are those of that folder, not of another copy.
  expect(ModuleRef).toBe((there('@nestjs/core') as { ModuleRef: unknown }).ModuleRef);
  expect(VERSION_NEUTRAL).toBe((there('@nestjs/common') as { VERSION_NEUTRAL: unknown }).VERSION_NEUTRAL);
  expect(getMikroORMToken('x')).toBe('x_MikroORM');
});
