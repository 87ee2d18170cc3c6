import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { classValidator } from '../../../src/mikro-orm/validate/validation.js';

const file = (name: string): string => new URL(name, import.meta.url).pathname;

test('an application without class-validator is not validated, and works', async () => {
  const sources = ['--import', file('../flush/run-sources.mjs')];
  const { stdout } = await promisify(execFile)(process.execPath, [...sources, file('without-class-validator.mjs')]);
  expect(JSON.parse(stdout)).toEqual({ isThere: false, isAsked: false });
});

test('an application with class-validator has it loaded once', async () => {
  expect(await classValidator()).toBe(await classValidator());
  expect((await classValidator())?.getMetadataStorage()).toBeDefined();
});
