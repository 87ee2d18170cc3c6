import { embedded } from '../premises/embedded.js';
import { onServers } from '../premises/on-servers.js';
import type { Progress } from '../screen/progress.js';
import type { Arguments } from './arguments.js';
import type { Outcome } from './outcome.js';
import { runBehind } from './run-behind.js';
import { runPlain } from './run-plain.js';
import { stretchesOf } from './stretches.js';

/**
 * One run: the shop whose entities are written behind, then the same traffic on plain MikroORM for a few seconds.
 * What is compared are stretches in which no process is killed.
 *
 * @param stop aborted to close the shop early; with an `Error` as the reason, to give up.
 */
export async function runShop(args: Arguments, progress: Progress, stop: AbortController): Promise<Outcome> {
  const { seconds, seed, embedded: isEmbedded } = args;
  await using premises = await (isEmbedded ? embedded(seed) : onServers(args, process.env));
  const stretches = stretchesOf({ seconds, embedded: isEmbedded });
  const run = { premises, seed, seconds, stretches, progress, stop };
  const outcome = await runBehind(run);
  return stop.signal.aborted ? outcome : { ...outcome, plain: await runPlain(run) };
}
