/** The processes below a process: what a killed PostgreSQL leaves behind for a moment. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isAlive } from './run-folder.mjs';

/**
 * @param {number} pid
 * @returns {number[]}
 */
export function childrenOf(pid) {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (existsSync(file)) return readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number);
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

/**
 * Whether a process still does anything. One that has ended and that nobody has asked about yet does not.
 *
 * @param {number} pid
 * @returns {boolean}
 */
export function isRunning(pid) {
  if (!isAlive(pid)) return false;
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return existsSync('/proc/self') ? false : isAlive(pid);
  }
}
