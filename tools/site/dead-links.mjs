import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * The links of a built site that lead nowhere within it, as `page: link`. VitePress itself looks at pages, not at
 * anchors. Links to other hosts are not asked for: the check needs no network.
 *
 * @param {string} folder where the site was built
 * @param {{ readonly except?: readonly string[] }} [options] beginnings of paths that are not looked at
 * @returns {string[]}
 */
export function deadLinks(folder, { except = [] } = {}) {
  /** @type {Map<string, ReadonlySet<string>>} */
  const anchors = new Map();
  const anchorsOf = (/** @type {string} */ file) => {
    const known = anchors.get(file) ?? anchorsIn(readFileSync(path.join(folder, file), 'utf8'));
    anchors.set(file, known);
    return known;
  };
  const isDead = (/** @type {URL} */ { pathname, hash }) => {
    if (except.some((beginning) => pathname.startsWith(beginning))) return false;
    const file = fileOf(folder, decodeURIComponent(pathname));
    if (file === undefined) return true;
    return hash !== '' && file.endsWith('.html') && !anchorsOf(file).has(decodeURIComponent(hash.slice(1)));
  };
  // The pages of the API reference are TypeDoc's, which checks its own links.
  const pages = globSync('**/*.html', { cwd: folder, exclude: ['reference/**', '404.html'] });
  return pages.flatMap((page) =>
    linksIn(readFileSync(path.join(folder, page), 'utf8'))
      .map((link) => new URL(link, `${SITE}/${page}`))
      .filter((url) => url.origin === SITE && isDead(url))
      .map(({ pathname, hash }) => `${page}: ${pathname}${hash}`),
  );
}

const SITE = 'http://site.test';

/**
 * @param {string} folder
 * @param {string} pathname
 */
function fileOf(folder, pathname) {
  return [pathname, `${pathname}.html`, path.join(pathname, 'index.html')].find((file) => {
    const full = path.join(folder, file);
    return existsSync(full) && statSync(full).isFile();
  });
}

/** @param {string} html */
function linksIn(html) {
  return [...html.matchAll(/<(?:a|link|img|script)\b[^>]*?\s(?:href|src)="([^"]*)"/g)].map(([, link = '']) =>
    link.replaceAll('&amp;', '&'),
  );
}

/** @param {string} html */
function anchorsIn(html) {
  return new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id = '']) => id));
}
