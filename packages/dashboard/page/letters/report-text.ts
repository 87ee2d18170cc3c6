import type { ActReport } from '../../src/wire.js';
import { counted } from '../format.js';

/** What an act on dead letters has done, in sentences. */
export function reportText(
  verb: 'retried' | 'discarded',
  { done, newer, absent, refused, refusal }: ActReport,
): string {
  const parts = [`${counted(done, 'dead letter')} ${done === 1 ? 'was' : 'were'} ${verb}.`];
  if (newer > 0)
    parts.push(
      `${counted(newer, 'letter')} stayed, because the row was changed since. Retry under the newer change if that is meant.`,
    );
  if (absent > 0) parts.push(`${counted(absent, 'letter')} had gone before.`);
  if (refused > 0) parts.push(`${counted(refused, 'letter')} could not be retried. ${refusal ?? ''}`);
  return parts.join(' ');
}
