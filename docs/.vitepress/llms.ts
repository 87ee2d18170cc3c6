import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sidebar } from './navigation.js';
import { base, root } from './repository.js';

interface Page {
  readonly link: string;
  readonly title: string;
  readonly text: string;
}

/** Writes `llms.txt`, a list of the pages, and `llms-full.txt`, their text, in the order of the navigation. */
export async function writeTextsForModels(folder: string): Promise<void> {
  await writeFile(path.join(folder, 'llms.txt'), listOfPages());
  await writeFile(path.join(folder, 'llms-full.txt'), textOfPages());
}

/** The text of `llms.txt`: each page with its first sentence. */
export function listOfPages(): string {
  const sections = sidebar.map(({ text, items = [] }) => {
    const lines = items.map((item) => {
      const page = pageAt(item.link ?? '');
      return `- [${page.title}](${base}${page.link.slice(1)}.html): ${firstSentence(page.text)}`;
    });
    return `## ${text}\n\n${lines.join('\n')}`;
  });
  return `# Spillway\n\n> ${PURPOSE}\n\nThe text of all pages: ${base}llms-full.txt\n\n${sections.join('\n\n')}\n`;
}

const PURPOSE = `Spillway is a write-behind layer for MikroORM 7 on PostgreSQL. Changes are staged in Redis, and workers write
> them to PostgreSQL in bulk.`;

function textOfPages(): string {
  const pages = sidebar.flatMap(({ items = [] }) => items.map(({ link = '' }) => pageAt(link)));
  return pages.map(({ link, text }) => `<!-- ${base}${link.slice(1)} -->\n\n${text.trim()}\n`).join('\n');
}

function pageAt(link: string): Page {
  const text = readFileSync(`${root}docs${link}.md`, 'utf8').replace(/^---\n.*?\n---\n/s, '');
  return { link, text, title: /^# (.*)$/m.exec(text)?.[1] ?? link };
}

/** The first sentence below the title that is one, on one line and without links, which would be relative to the page. */
function firstSentence(text: string): string {
  const paragraph = text.split(/\n{2,}/).find((each) => /^[A-Z`*[]/.test(each));
  const plain = (paragraph ?? '').replaceAll(/\s+/g, ' ').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return /^.{10,}?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain;
}
