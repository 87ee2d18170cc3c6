import { numberText } from './number-text.js';
import type { LimitResult } from './results.js';

/** What is asked of a figure, and whether it is met: empty if nothing is asked. */
export function wishText({
  atLeast,
  atMost,
  aim,
  isMet,
}: Pick<LimitResult, 'atLeast' | 'atMost' | 'aim' | 'isMet'>): string {
  if (isMet === undefined) return '';
  const wish = [
    ...(atLeast === undefined ? [] : [`at least ${numberText(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${numberText(atMost)}`]),
    ...(aim === undefined ? [] : [`aim ${numberText(aim)}`]),
  ];
  return `${wish.join(', ')}: ${isMet ? 'met' : 'missed'}`;
}
