import { readFileSync, globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { longLines, widestProse } from './long-lines.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wide = 'word '.repeat(30).trimEnd();

test(`no line of prose is longer than ${widestProse} characters, in Markdown and in comments`, () => {
  const files = globSync('{*,docs/**/*,packages/**/*,examples/**/*,test/**/*,tools/**/*}.{md,ts,mjs,lua}', {
    cwd: root,
    exclude: (name) => /(?:^|\/)(?:node_modules|dist|dist-test)$/.test(name),
  });
  expect(files.length).toBeGreaterThan(500);
  expect(files.flatMap((path) => longLines(path, readFileSync(`${root}/${path}`, 'utf8')))).toEqual([]);
});

test('a paragraph, an item of a list and a comment are prose', () => {
  const found = (path: string, line: string): boolean => longLines(path, `short\n${line}`).length > 0;
  expect(found('a.md', wide)).toBe(true);
  expect(found('a.md', `- ${wide}`)).toBe(true);
  expect(found('a.ts', `  // ${wide}`)).toBe(true);
  expect(found('a.ts', ` * ${wide}`)).toBe(true);
  expect(found('a.ts', `run(); // ${wide}`)).toBe(true);
  expect(found('a.lua', `local x = 1 -- ${wide}`)).toBe(true);
});

test('a table, a block of code, a statement and a single long word are not', () => {
  expect(longLines('a.md', `| ${wide} |`)).toEqual([]);
  expect(longLines('a.md', `\`\`\`sh\n${wide}\n\`\`\``)).toEqual([]);
  expect(longLines('a.ts', `throw new Error('${wide} https://spillway.test');`)).toEqual([]);
  expect(longLines('a.md', `- https://spillway.test/${'x'.repeat(120)}`)).toEqual([]);
});

test('a block of code ends: the prose behind it is looked at', () => {
  expect(longLines('a.md', `\`\`\`sh\n\`\`\`\n${wide}`)).toEqual([
    `a.md:3 has 149 characters; a line of prose has at most ${widestProse}.`,
  ]);
});
