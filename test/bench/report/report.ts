import type { Result } from './results.js';

/** All figures of a run, as `--json` writes them. */
export interface Report {
  /** As it can be typed again. */
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly scale: number;
  readonly results: readonly Result[];
}

/** What a run was made on: versions, and the number and name of the cores. */
export type Machine = Readonly<
  Record<'cores' | 'processor' | 'node' | 'postgres' | 'redis' | 'mikroOrm' | 'ioredis', string>
>;

/** In one line. */
export function machineText({ cores, processor, node, postgres, redis, mikroOrm, ioredis }: Machine): string {
  return `${cores} cores (${processor}), Node ${node}, PostgreSQL ${postgres}, Redis ${redis}, MikroORM ${mikroOrm}, ioredis ${ioredis}`;
}
