import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { MarkdownRenderer } from 'vitepress';
import { repository, root } from './repository.js';

/** Makes anchors of headings as code hosts do, so that one link works in both places. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
}

/** Pages link to files of the repository by relative paths. On the site, those that leave `docs` lead to the code host. */
export function linkOutside(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('link-outside', ({ tokens, env }) => {
    const page = (env as { readonly path?: string }).path;
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (href !== null && page !== undefined) token.attrSet('href', onCodeHost(href, page));
    }
  });
}

/** The address of a file or folder outside of the pages; every other link as it is. */
function onCodeHost(href: string, page: string): string {
  if (/^(?:[a-z]+:|#|\/)/.test(href)) return href;
  const [relative = '', anchor] = href.split('#');
  const file = path.resolve(path.dirname(page), relative);
  if (isPage(file)) return href;
  if (!existsSync(file)) throw new Error(`${page} links to ${href}, which does not exist. Correct the link.`);
  const kind = statSync(file).isDirectory() ? 'tree' : 'blob';
  return `${repository}/${kind}/main/${path.relative(root, file)}${anchor === undefined ? '' : `#${anchor}`}`;
}

function isPage(file: string): boolean {
  return file.startsWith(`${root}docs${path.sep}`) && /\.(?:md|svg)$/.test(file);
}
