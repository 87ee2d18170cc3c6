import type { Unit } from '../plan/measurement.js';
import { numberText } from './number-text.js';
import type { Result } from './results.js';
import { spreadOf } from './statistics.js';
import { aligned } from './table.js';
import { wishText } from './wish-text.js';

/** The result of one measurement as lines for a terminal: its sides, then how they compare. */
export function linesOf({ id, what, readings, sides, ratios, limits }: Result): readonly string[] {
  const names = Object.entries(readings);
  const figures = sides.map(({ side, isOlder, figures: bySide }) => [
    isOlder ? `${side} (older build)` : side,
    ...names.map(([name, { unit }]) => figureText(bySide[name] ?? [], unit)),
  ]);
  const head = ['side', ...names.map(([, reading]) => reading.name)];
  const asked = limits.map((limit) => [
    limit.of,
    readings[limit.reading]?.name ?? '',
    `${numberText(limit.median)} ${readings[limit.reading]?.unit ?? ''}`,
    wishText(limit),
  ]);
  const comparisons = ratios.map((ratio) => [
    `${ratio.of} / ${ratio.to}`,
    readings[ratio.reading]?.name ?? '',
    `${numberText(ratio.median)} x (${numberText(ratio.least)} to ${numberText(ratio.most)})`,
    wishText(ratio),
  ]);
  return [
    `${id}: ${what}`,
    ...aligned([head, ...figures]).map((line) => `  ${line}`),
    ...aligned([...comparisons, ...asked]).map((line) => `  ${line}`),
  ];
}

function figureText(figures: readonly number[], unit: Unit): string {
  if (figures.length === 0) return '';
  const { median, least, most } = spreadOf(figures);
  const spread = least === most ? '' : ` (${numberText(least)} to ${numberText(most)})`;
  return `${numberText(median)} ${unit}${spread}`;
}
