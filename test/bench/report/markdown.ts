import { numberText } from './number-text.js';
import { machineText, type Report } from './report.js';
import type { RatioResult, Result } from './results.js';
import { spreadOf } from './statistics.js';
import { wishText } from './wish-text.js';

/** The comparisons of a run, and what made them, as Markdown. */
export function markdownOf(report: Report): readonly string[] {
  const { command, machine, rounds, scale, results } = report;
  const rows = results.flatMap((result) => [
    ...result.ratios.map((ratio) => [
      `${result.id}: ${ratio.of}, ${readingOf(result, ratio.reading)}`,
      medianOf(result, ratio.of, false, ratio.reading),
      referenceOf(result, ratio),
      `${numberText(ratio.median)} x (${numberText(ratio.least)} to ${numberText(ratio.most)})`,
      wishText(ratio),
    ]),
    ...result.limits.map((limit) => [
      `${result.id}: ${limit.of}, ${readingOf(result, limit.reading)}`,
      medianOf(result, limit.of, false, limit.reading),
      '',
      '',
      wishText(limit),
    ]),
  ]);
  const head = ['measurement', 'Spillway', 'compared with', 'ratio', 'asked'];
  return [
    `\`${command}\`: ${machineText(machine)}. Median of ${rounds} rounds${scale === 1 ? '' : `, scale ${scale}`}.`,
    '',
    ...[head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(inCell).join(' | ')} |`),
  ];
}

function referenceOf(result: Result, { of, to, reading }: RatioResult): string {
  const isOlder = to === 'older';
  return `${isOlder ? 'older build' : to}: ${medianOf(result, isOlder ? of : to, isOlder, reading)}`;
}

function medianOf({ sides, readings }: Result, name: string, isOlder: boolean, reading: string): string {
  const figures = sides.find((side) => side.side === name && side.isOlder === isOlder)?.figures[reading] ?? [];
  if (figures.length === 0) return '';
  return `${numberText(spreadOf(figures).median)} ${readings[reading]?.unit ?? ''}`;
}

function readingOf({ readings }: Result, reading: string): string {
  return readings[reading]?.name ?? reading;
}

function inCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
