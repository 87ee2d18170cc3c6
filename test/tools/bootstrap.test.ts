import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { needsInstall } from '../../tools/bootstrap/install.mjs';
import { explainOldNode } from '../../tools/bootstrap/node-version.mjs';

let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'spillway-bootstrap-'));
  touch('package-lock.json', 1_000);
});

afterEach(() => rmSync(root, { recursive: true }));

test('a bare clone is installed', () => {
  expect(needsInstall(root)).toBe(true);
});

test('an interrupted installation counts as none', () => {
  mkdirSync(path.join(root, 'node_modules'));
  expect(needsInstall(root)).toBe(true);
});

test('an installation that is newer than the lock file is kept, an older one is not', () => {
  mkdirSync(path.join(root, 'node_modules'));
  touch('node_modules/.package-lock.json', 2_000);
  expect(needsInstall(root)).toBe(false);
  touch('package-lock.json', 3_000);
  expect(needsInstall(root)).toBe(true);
});

test('a Node before 20 is told what to do', () => {
  expect(explainOldNode('18.20.4')).toMatch(/This is Node 18\.20\.4, .* needs Node 20 or newer/);
  expect(explainOldNode('20.0.0')).toBeUndefined();
  expect(explainOldNode('24.21.0')).toBeUndefined();
});

function touch(name: string, seconds: number): void {
  writeFileSync(path.join(root, name), '');
  utimesSync(path.join(root, name), seconds, seconds);
}
