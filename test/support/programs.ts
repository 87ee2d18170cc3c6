import { findPrograms } from '../../tools/servers/find.mjs';
import { explainMissing } from '../../tools/servers/plan.mjs';

/** Where the server program of this machine is; the global set-up has installed it if it could. */
export function programOf(kind: 'redis' | 'postgres'): string {
  const program = findPrograms(process.env)[kind];
  if (program === undefined) throw new Error(explainMissing([kind]));
  return program;
}
