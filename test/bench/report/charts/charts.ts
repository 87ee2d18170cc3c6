import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Unit } from '../../plan/measurement.js';
import { wishText } from '../wish-text.js';
import type { Result } from '../results.js';
import { barChart, type Bar, type BarChart } from './bars.js';
import { themes } from './theme.js';

/** Units of which more is better. */
const ofSpeed: readonly Unit[] = ['per s', 'rows/s'];

/** The ratios of one measurement, or nothing if nothing is compared in it. */
export function chartOf({ id, what, readings, ratios }: Result): BarChart | undefined {
  if (ratios.length === 0) return undefined;
  const bars = ratios.map((ratio): Bar => {
    const { name = '', unit } = readings[ratio.reading] ?? {};
    const better = unit !== undefined && ofSpeed.includes(unit) ? '' : ', less is better';
    const asked = wishText(ratio);
    const wish = ratio.atLeast ?? ratio.atMost;
    return {
      ...ratio,
      label: `${ratio.of} / ${ratio.to}`,
      note: [`${name}${better}`, asked].filter((part) => part !== '').join('; '),
      ...(wish !== undefined && { wish }),
    };
  });
  return { title: id, subtitle: what, bars };
}

/** What is asked of all measurements, in one chart: of each, the first ratio. */
export function overviewOf(results: readonly Result[]): BarChart | undefined {
  const bars = results.flatMap((result) => {
    const [first] = chartOf(result)?.bars ?? [];
    return first ? [{ ...first, label: `${result.id}: ${first.label}` }] : [];
  });
  if (bars.length === 0) return undefined;
  return { title: 'Spillway, beside what it is compared with', subtitle: 'The first ratio of each measurement', bars };
}

/**
 * Writes `<id>-light.svg` and `<id>-dark.svg` for each measurement, and `overview-light.svg` and `overview-dark.svg`.
 * @param folder is made if it is missing
 */
export function writeCharts(folder: string, results: readonly Result[]): void {
  mkdirSync(folder, { recursive: true });
  const charts = [
    ...results.map((result) => [result.id, chartOf(result)] as const),
    ['overview', overviewOf(results)] as const,
  ];
  for (const [name, chart] of charts)
    if (chart)
      for (const [kind, theme] of Object.entries(themes))
        writeFileSync(path.join(folder, `${name.toLowerCase()}-${kind}.svg`), `${barChart(chart, theme)}\n`);
}
