import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../docs/markdown.js';
import { PackedPackages } from './packed.js';

const run = promisify(execFile);

/**
 * The release before this one: a tag, or a commit while nothing is published. Whoever releases sets it to the tag
 * before (docs/releasing.md).
 */
export const PREVIOUS = '18da1bfe85d82ec82d14104700dffc8be0666ec7';

/** Whether this clone has the history that holds the release before; a shallow clone has not. */
export async function hasPrevious(): Promise<boolean> {
  return run('git', ['cat-file', '-e', `${PREVIOUS}^{commit}`], { cwd: root }).then(
    () => true,
    () => false,
  );
}

/** Builds the sources of the release before with the tools of this one, and packs its core. */
export async function packPrevious(): Promise<PackedPackages> {
  const folder = await mkdtemp(path.join(tmpdir(), 'spillway-previous-'));
  try {
    const archive = path.join(folder, 'previous.tar');
    await run('git', ['archive', '--output', archive, PREVIOUS, 'packages/core', 'tools', 'tsconfig.base.json'], {
      cwd: root,
    });
    await run('tar', ['-xf', archive], { cwd: folder });
    await linkModules(folder);
    await run(path.join(root, 'node_modules/.bin/tsc'), ['-b', 'packages/core'], { cwd: folder });
    await run(process.execPath, ['tools/copy-lua.mjs'], { cwd: folder });
    return await PackedPackages.pack(['core'], folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is installed here, but for the packages of this repository. */
async function linkModules(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'node_modules'));
  const names = await readdir(path.join(root, 'node_modules'));
  for (const name of names.filter((each) => each !== '@spillway'))
    await symlink(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
}
