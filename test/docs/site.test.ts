import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listOfPages } from '../../docs/.vitepress/llms.js';
import { sidebar } from '../../docs/.vitepress/navigation.js';
import { deadLinks } from '../../tools/site/dead-links.mjs';
import { eventsPage } from '../../tools/site/events-page.mjs';
import { codeBlocks, document, documents, root } from './markdown.js';

/** `npm run check` builds the site itself, and looks at its links and anchors. */

const inNavigation = sidebar.flatMap(({ items = [] }) => items.map(({ link = '' }) => `docs${link}.md`));

test('every page is in the navigation, and every entry of it is a page', () => {
  const pages = globSync('docs/*.md', { cwd: root }).filter((page) => page !== 'docs/index.md');
  expect(inNavigation.toSorted()).toEqual([...pages, 'docs/decisions/README.md'].toSorted());
});

test('every decision is in the list of decisions', () => {
  const { text } = document('docs/decisions/README.md');
  const pages = globSync('docs/decisions/*.md', { cwd: root }).map((page) => path.basename(page));
  expect(pages.filter((page) => page !== 'README.md' && !text.includes(`](${page})`))).toEqual([]);
});

test('docs/events.md is what "npm run events-page" makes of the code', () => {
  const source = readFileSync(`${root}packages/core/src/events.ts`, 'utf8');
  expect(document('docs/events.md').text).toBe(eventsPage(source));
});

test('docs/events.md has a section for every event of docs/operations.md, and no other', () => {
  const sections = [...document('docs/events.md').text.matchAll(/^## (.*)$/gm)].map(([, name = '']) => name);
  const rows = /^## Events\n(.*?)^## /ms.exec(document('docs/operations.md').text)?.[1] ?? '';
  const named = [...rows.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = '']) => name);
  expect(sections.length).toBeGreaterThan(10);
  expect(sections.toSorted()).toEqual(named.toSorted());
});

test('llms.txt says of every page what it is about', () => {
  const lines = listOfPages()
    .split('\n')
    .filter((line) => line.startsWith('- '));
  expect(lines).toHaveLength(inNavigation.length);
  expect(lines.filter((line) => !/^- \[[^\]]+\]\(\/[\w/-]+\.html\): [^[\]]{10,}\.$/.test(line))).toEqual([]);
});

test('files that several pages show by one name are the same in all of them', () => {
  const texts = new Map<string, Set<string>>();
  for (const { file, code } of documents().flatMap(codeBlocks)) {
    if (file !== undefined) texts.set(file, (texts.get(file) ?? new Set()).add(code));
  }
  expect([...texts].filter(([, codes]) => codes.size > 1).map(([file]) => file)).toEqual([]);
});

test('every picture says in words what it shows, and its text stands on a filled shape', () => {
  const pictures = globSync('docs/images/*.svg', { cwd: root });
  expect(pictures.length).toBeGreaterThan(0);
  for (const picture of pictures) {
    const text = readFileSync(root + picture, 'utf8');
    expect(text).toMatch(/<title>[^<]+<\/title>/);
    expect([...text.matchAll(/<text [^>]*fill="([^"]*)"/g)].map(([, fill]) => fill)).not.toContain(undefined);
    expect(new Set([...text.matchAll(/<text [^>]*fill="([^"]*)"/g)].map(([, fill]) => fill))).toEqual(
      new Set(['#ffffff']),
    );
  }
});

test('figures of the comparison are those of the performance page', () => {
  const rows = document('docs/comparison.md')
    .text.split('\n')
    .filter((line) => line.endsWith(' x |'));
  const measured = document('docs/performance.md').text;
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    const [, ours = '', theirs = '', ratio = ''] = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    expect(measured).toContain(`${ours} | bullmq: ${theirs} | ${ratio} (`);
  }
});

test('a link to a page or an anchor that is not there is dead', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-site-'));
  try {
    mkdirSync(path.join(folder, 'inner'));
    writeFileSync(path.join(folder, 'inner/there.html'), '<h2 id="here">Here</h2>');
    writeFileSync(
      path.join(folder, 'index.html'),
      `<a href="/inner/there.html">1</a> <a class="x" href="inner/there#here">2</a> <a href="#own" id="own">3</a>
       <a href="https://other.test/x">4</a> <a href="/inner/there.html#gone">5</a> <a href="/gone">6</a>
       <img src="/gone.svg"> <a href="/reference/x.html">7</a>`,
    );
    expect(deadLinks(folder, { except: ['/reference/'] })).toEqual([
      'index.html: /inner/there.html#gone',
      'index.html: /gone',
      'index.html: /gone.svg',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
