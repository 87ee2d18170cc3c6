import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const PACKAGE = '@spillway/core';

/**
 * The folder of the compiled package in `folder`: a checkout of the repository, the package itself (as `npm pack` has
 * it), or a folder in which it is installed.
 * @throws Error that says what is missing
 */
export function packageFolderIn(folder: string): string {
  const places = ['packages/core', '.', `node_modules/${PACKAGE}`].map((place) => path.resolve(folder, place));
  const found = places.find((place) => nameIn(place) === PACKAGE);
  if (found === undefined)
    throw new Error(`${folder} holds no ${PACKAGE}: neither a checkout, nor the package, nor an installation of it.`);
  if (existsSync(path.join(found, 'dist/index.js'))) return found;
  throw new Error(`${found} is not built. Run "npm ci && npm run build" there.`);
}

function nameIn(folder: string): unknown {
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly name?: unknown }).name;
}
