import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the repository, with a slash at its end. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Document {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Everything that is written for readers: the documents of the root, and those below `docs`. */
export function documents(): Document[] {
  return globSync('{*,docs/**/*}.md', { cwd: root }).toSorted().map(document);
}

export function document(path: string): Document {
  return { path, text: readFileSync(`${root}${path}`, 'utf8') };
}

export interface CodeBlock {
  readonly language: string;
  /** The name of the file that the block is: its first line, where that is a comment that holds nothing else. */
  readonly file: string | undefined;
  readonly code: string;
}

export function codeBlocks({ text }: Document): CodeBlock[] {
  return [...text.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    file: /^(?:\/\/|--|#) (\S+\.\w+)\n/.exec(code)?.[1],
    code,
  }));
}

/** The rows of the first table below a heading: the texts of their cells, without the row of titles. */
export function tableBelow({ path, text }: Document, heading: string): string[][] {
  const section = text.split(new RegExp(`^#+ ${heading}$`, 'm'))[1]?.split(/^#+ /m)[0];
  const lines = section?.split('\n').filter((line) => line.startsWith('|')) ?? [];
  if (lines.length < 3) throw new Error(`${path} has no table below a heading "${heading}"`);
  return lines.slice(2).map(cells);
}

/** A `|` inside of a cell is written `\|`. */
function cells(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** What stands between backticks in a cell. */
export function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
