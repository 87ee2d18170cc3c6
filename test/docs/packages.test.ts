import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { document, root } from './markdown.js';

interface Manifest {
  readonly name: string;
  readonly homepage?: string;
  readonly bugs?: string;
  readonly keywords?: readonly string[];
  readonly repository?: { readonly type: string; readonly url: string; readonly directory?: string };
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(`${root}${path}`, 'utf8')) as Manifest;
}

/** Said once, in the root; what is published repeats it. */
const { repository } = manifest('package.json');
const address = repository?.url.replace(/^git\+|\.git$/g, '') ?? '';

test.each(['core', 'nestjs', 'telemetry', 'cli', 'dashboard'])('packages/%s says where it comes from', (name) => {
  const { homepage, bugs, keywords, repository: own } = manifest(`packages/${name}/package.json`);
  expect(own).toEqual({ ...repository, directory: `packages/${name}` });
  expect(homepage).toBe(`${address}/tree/main/packages/${name}#readme`);
  expect(bugs).toBe(`${address}/issues`);
  expect(keywords).toContain('mikro-orm');
});

/** A registry shows the README alone, where links from file to file lead nowhere. */
test.each(['core', 'nestjs', 'telemetry', 'cli', 'dashboard'])(
  'the README of packages/%s links to the repository, by whole addresses',
  (name) => {
    const { text } = document(`packages/${name}/README.md`);
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !target.startsWith('https://'))).toEqual([]);
    const ours = targets.filter((target) => target.startsWith(address));
    expect(ours).not.toEqual([]);
    for (const target of ours) {
      const file = /\/(?:blob|tree)\/main\/([^#]*)/.exec(target)?.[1] ?? 'README.md';
      expect(() => document(file.includes('.md') ? file : `${file}/README.md`)).not.toThrow();
    }
  },
);
