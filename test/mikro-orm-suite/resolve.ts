import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const packages = fromHere('../../node_modules/');
const stubs = fromHere('stubs.ts');
const importer = fromHere('../package.json');

/**
 * Lets files of the checkout find the MikroORM of this repository, and what else they import from packages. A package
 * that is not installed here (other databases, migrations) is a stub: tests that need it fail in every run alike.
 */
export function packagesOfSuite(): Plugin {
  return {
    name: 'packages-of-suite',
    enforce: 'pre',
    resolveId(source, from, options) {
      if (from === undefined || /^[./\0]|^node:|^vitest/.test(source)) return undefined;
      const [first = '', second = ''] = source.split('/');
      const name = first.startsWith('@') ? `${first}/${second}` : first;
      if (createRequire(importer).resolve.paths(name) === null) return undefined;
      if (existsSync(packages + name)) return this.resolve(source, importer, { ...options, skipSelf: true });
      return name.startsWith('@mikro-orm/') || STUBBED.has(name) ? stubs : undefined;
    },
  };
}

const STUBBED = new Set(['uuid', 'knex', 'mikro-orm', 'bson', 'ts-morph', 'dataloader']);
