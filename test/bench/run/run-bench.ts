import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { startServers } from '../../../tools/servers/servers.mjs';
import type { Plan } from '../plan/arguments.js';
import { packageFolderIn } from '../plan/package-folder.js';
import { linesOf } from '../report/print.js';
import { Progress } from '../report/progress.js';
import type { Result } from '../report/results.js';
import { measure } from './measure.js';
import { Places } from './places.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** All figures of a run, as `--json` writes them. */
export interface Report {
  readonly machine: Readonly<Record<'cores' | 'node' | 'postgres' | 'redis', string>>;
  readonly rounds: number;
  readonly scale: number;
  readonly results: readonly Result[];
}

/**
 * Runs all measurements of the plan, one after the other, on servers that are started for it.
 * @param write called with each line of the report
 * @throws Error of the first measurement that fails
 */
export async function runBench(plan: Plan, write: (line: string) => void): Promise<Report> {
  const { againstFolder } = plan;
  const older = againstFolder === undefined ? undefined : packageFolderIn(againstFolder);
  const packages = { own: packageFolderIn(root), ...(older !== undefined && { older }) };
  const servers = await startServers();
  const { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl } = servers.env;
  try {
    const places = await Places.open({ databaseUrl, redisUrl });
    const { postgres, redis } = await places.versions();
    const machine = { cores: String(availableParallelism()), node: process.versions.node, postgres, redis };
    write(
      `${machine.cores} cores, Node ${machine.node}, PostgreSQL ${postgres}, Redis ${redis}; ${plan.rounds} rounds`,
    );
    const results: Result[] = [];
    for (const measurement of plan.measurements) {
      const bench = { plan, places, redisUrl, packages, progress: new Progress(process.stderr) };
      const result = await measure(measurement, bench);
      results.push(result);
      for (const line of ['', ...linesOf(result)]) write(line);
    }
    await places.close();
    return { machine, rounds: plan.rounds, scale: plan.scale, results };
  } finally {
    await servers.stop();
  }
}
