import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds the packages for the vitest projects that use them compiled: once in a run, and not for the others. */
export function setup(): () => void {
  if (process.env['SPILLWAY_IS_BUILT'] !== undefined) return () => undefined;
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  process.env['SPILLWAY_IS_BUILT'] = '1';
  return () => {
    delete process.env['SPILLWAY_IS_BUILT'];
  };
}
