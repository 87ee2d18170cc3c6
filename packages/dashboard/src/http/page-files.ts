import { readFile } from 'node:fs/promises';
import { Refused } from './answers.js';

/** The bundle stands in `dist/page`, beside the compiled server and beside its sources. */
const FOLDER = new URL('../../dist/page/', import.meta.url);

/** Path below the mount -> file and type. Nothing else of the disk is ever read. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/assets/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/assets/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/assets/licenses.txt': { file: 'licenses.txt', type: 'text/plain; charset=utf-8' },
};

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const loaded = new Map<string, Promise<Buffer>>();

/** A file of the page, read once; `undefined`: the page has none under this path. */
export async function pageFile(path: string): Promise<PageFile | undefined> {
  const known = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (!known) return undefined;
  const body = loaded.get(known.file) ?? readFile(new URL(known.file, FOLDER));
  loaded.set(known.file, body);
  try {
    return { type: known.type, body: await body };
  } catch {
    loaded.delete(known.file);
    throw new Refused(500, 'The files of the page are missing from the package. Build it, or install it again');
  }
}
