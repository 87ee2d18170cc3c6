/**
 * `npm start`: live traffic on a small shop, a comparison with the database at the end, and its result as exit code.
 */
import { readArguments, usage, type Arguments } from './run/arguments.js';
import { hasFailed } from './run/outcome.js';
import { makeProgress } from './screen/progress.js';
import { figures, report } from './run/report.js';
import { runShop } from './run/run-shop.js';

const args = argumentsOrUsage();
const stop = new AbortController();
// Closes the shop early; what was acknowledged by then is compared all the same.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(signal));

try {
  const outcome = await runShop(args, makeProgress(process.stdout, args.seconds, process.env), stop);
  console.log(report(outcome));
  if (args.json) console.log(JSON.stringify(figures(outcome, args.seed)));
  process.exitCode = hasFailed(outcome) ? 1 : 0;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

function argumentsOrUsage(): Arguments {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return process.exit(2);
  }
}
