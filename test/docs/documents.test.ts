import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { codesIn, document, documents, root, type Document } from './markdown.js';

test('the README has at most 160 lines', () => {
  expect(document('README.md').text.trimEnd().split('\n').length).toBeLessThanOrEqual(160);
});

test.each(documents())('$path links to what exists', ({ path, text }) => {
  const targets = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = '']) => target);
  expect(targets.filter((target) => !isThere(path, target))).toEqual([]);
});

test.each(documents())('$path names files that exist', ({ path, text }) => {
  const base = path === 'ARCHITECTURE.md' ? 'packages/core/' : '';
  const files = codesIn(withoutBlocks(text)).filter((code) =>
    /^(?:packages|examples|test|docs|tools|src|\.ci)\/\S*$/.test(code),
  );
  expect(files.filter((file) => !existsSync(root + file) && !existsSync(root + base + file))).toEqual([]);
});

test.each(documents())('$path names commands that exist', ({ text }) => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly scripts: object };
  const commands = [...text.matchAll(/`npm (?:run )?([\w:-]+)/g)].map(([, name = '']) => name);
  expect(commands.filter((name) => name !== 'install' && !(name in scripts))).toEqual([]);
});

/** A fence is an odd number of backticks, which would pair with those of the text. */
function withoutBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '');
}

function isThere(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : posix.join(posix.dirname(from), file);
  return existsSync(root + path) && (anchor === undefined || anchorsOf(document(path)).includes(anchor));
}

/** As GitHub makes them from headings. */
function anchorsOf({ text }: Document): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
}
