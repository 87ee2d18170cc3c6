/** Installs packages on a Debian-like system, without a question and without starting the services they bring. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

// Debian asks this program before a package starts its service; 101 means "do not".
const policy = '/usr/sbin/policy-rc.d';

/**
 * @param {readonly string[]} packages
 */
export function installWithApt(packages) {
  console.error(`Installing ${packages.join(' and ')} with apt-get; this happens once.`);
  const mayWritePolicy = !existsSync(policy);
  if (mayWritePolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(['update']);
    apt(['install', '--yes', '--no-install-recommends', ...packages]);
  } finally {
    if (mayWritePolicy) rmSync(policy, { force: true });
  }
}

/** @param {string[]} args */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync('apt-get', ['-qq', ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const output = `${stdout}${stderr}`.trim().slice(-2_000);
  throw new Error(
    `"apt-get ${args.join(' ')}" failed with status ${status}; install these packages by hand.\n${output}`,
  );
}
