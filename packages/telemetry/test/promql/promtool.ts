import { spawnSync } from 'node:child_process';

/** Whether this machine has the tool of Prometheus. If not, that is printed, once for each file that asks. */
export function hasPromtool(): boolean {
  const isThere = spawnSync('promtool', ['--version']).status === 0;
  // oxlint-disable-next-line no-console -- a test that is skipped has nobody else to say so
  if (!isThere) console.log('promtool is not installed, so its tests are skipped: apt-get install prometheus');
  return isThere;
}

/** Runs it. @returns what it has said, if it has ended well */
export function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`promtool ${args.join(' ')} has failed: ${stdout}${stderr}`);
  return stdout;
}
