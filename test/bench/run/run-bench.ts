import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startServers } from '../../../tools/servers/servers.mjs';
import type { Plan } from '../plan/arguments.js';
import { packageFolderIn } from '../plan/package-folder.js';
import { linesOf } from '../report/print.js';
import { Progress } from '../report/progress.js';
import { machineText, type Machine, type Report } from '../report/report.js';
import type { Result } from '../report/results.js';
import { measure } from './measure.js';
import { Places } from './places.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

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
  let places: Places | undefined;
  try {
    places = await Places.open({ databaseUrl, redisUrl });
    const machine: Machine = {
      cores: String(availableParallelism()),
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      node: process.versions.node,
      ...(await places.versions()),
      mikroOrm: versionOf('@mikro-orm/core', packages.own),
      ioredis: versionOf('ioredis', packages.own),
    };
    write(`${machineText(machine)}; ${plan.rounds} rounds`);
    const results: Result[] = [];
    for (const measurement of plan.measurements) {
      const bench = { plan, places, redisUrl, packages, progress: new Progress(process.stderr) };
      const result = await measure(measurement, bench);
      results.push(result);
      for (const line of ['', ...linesOf(result)]) write(line);
    }
    return { command: plan.command, machine, rounds: plan.rounds, scale: plan.scale, results };
  } finally {
    await places?.close();
    await servers.stop();
  }
}

/** The version of a package that the one in `folder` finds. */
function versionOf(name: string, folder: string): string {
  const manifest = findPackageJSON(name, pathToFileURL(`${folder}/package.json`));
  if (manifest === undefined) return 'unknown';
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}
