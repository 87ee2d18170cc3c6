/** `npm run bench`: how fast Spillway is, beside what it is compared with, in one run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { planOf, usage } from './plan/arguments.js';
import { writeCharts } from './report/charts/charts.js';
import { markdownOf } from './report/markdown.js';
import { whereTimeGoes } from './report/where-time-goes.js';
import { runBench } from './run/run-bench.js';

const write = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  const plan = planOf(process.argv.slice(2));
  if (plan.isList) {
    for (const { id, what } of plan.measurements) write(`${id.padEnd(14)}${what}`);
  } else {
    if (plan.profileFolder !== undefined) mkdirSync(plan.profileFolder, { recursive: true });
    const report = await runBench(plan, write);
    for (const line of ['', ...markdownOf(report)]) write(line);
    if (plan.profileFolder !== undefined) for (const line of ['', ...whereTimeGoes(plan.profileFolder)]) write(line);
    if (plan.chartsFolder !== undefined) writeCharts(plan.chartsFolder, report.results);
    if (plan.jsonFile !== undefined) writeFileSync(plan.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exitCode = 1;
}
