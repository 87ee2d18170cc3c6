/** More than this does not fit beside a diff. */
export const widestProse = 120;

/**
 * The lines of prose that are too wide: paragraphs and lists of Markdown, and comments of code. Rows of a table and
 * headings cannot wrap; blocks of code in Markdown, and the statements of code, are the formatter's.
 */
export function longLines(path: string, text: string): string[] {
  const lines = text.split('\n');
  const prose = path.endsWith('.md') ? proseOf(lines) : lines.map((line) => comment(path, line));
  return prose.flatMap((line, index) =>
    line.length > widestProse && canWrap(line)
      ? [`${path}:${index + 1} has ${line.length} characters; a line of prose has at most ${widestProse}.`]
      : [],
  );
}

/** Empty for lines of code, tables and headings, so that every line keeps its number. */
function proseOf(lines: readonly string[]): string[] {
  let isCode = false;
  return lines.map((line) => {
    const isFence = /^\s*(?:```|~~~)/.test(line);
    if (isFence) isCode = !isCode;
    return isFence || isCode || /^\s*(?:\||#)/.test(line) ? '' : line;
  });
}

/** The whole line, if there is a comment on it. */
function comment(path: string, line: string): string {
  const pattern = path.endsWith('.lua') ? /(?:^|\s)--(?:\s|$)/ : /^\s*(?:\/\*|\*|\/\/)|\s\/\/\s/;
  return pattern.test(line) ? line : '';
}

/** Whether anything on the line could stand on the next one: it has more than one word behind its mark. */
function canWrap(line: string): boolean {
  const words = line.replace(/^\s*(?:\/\*\*|\/\*|\*|\/\/|--|-|\d+\.)\s/, '').trim();
  return /\s/.test(words);
}
