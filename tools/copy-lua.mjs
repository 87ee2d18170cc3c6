/** Puts the Lua scripts beside the compiled code that reads them, and removes those that the sources no longer have. */
import { cpSync, globSync, rmSync } from 'node:fs';
import path from 'node:path';

for (const source of globSync('packages/*/src')) {
  const target = path.join(path.dirname(source), 'dist');
  for (const stale of globSync('**/*.lua', { cwd: target })) rmSync(path.join(target, stale));
  for (const script of globSync('**/*.lua', { cwd: source }))
    cpSync(path.join(source, script), path.join(target, script));
}
