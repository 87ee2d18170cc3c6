import { numberText } from '../number-text.js';
import type { Spread } from '../statistics.js';
import { element, escaped } from './svg.js';
import type { Theme } from './theme.js';

/** A ratio with its spread. */
export interface Bar extends Spread {
  readonly label: string;
  /** A second, smaller line. */
  readonly note: string;
  /** Where a figure has to be, if it is asked for. */
  readonly wish?: number;
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const TOP = 74;
const ROW = 46;
const BOTTOM = 34;
/** Labels end here, bars begin. */
const LEFT = 320;
const RIGHT = WIDTH - 170;
const FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif';

/**
 * Ratios as bars from zero, each with a line from its least to its most. A solid line stands at 1, where both sides are
 * alike, and a dashed one in each row where its ratio has to be.
 */
export function barChart({ title, subtitle, bars }: BarChart, theme: Theme): string {
  const height = TOP + bars.length * ROW + BOTTOM;
  const end = Math.max(1, ...bars.flatMap(({ most, wish = 0 }) => [most, wish])) * 1.05;
  const place = (ratio: number): number => Math.round((LEFT + ((RIGHT - LEFT) * ratio) / end) * 10) / 10;
  const text = (x: number, y: number, content: string, more: Readonly<Record<string, string | number>> = {}): string =>
    element('text', { x, y, fill: theme.text, 'font-size': 14, ...more }, escaped(content));
  const line = (
    x1: number,
    y1: number,
    x2: number,
    y2: number,
    more: Readonly<Record<string, string | number>>,
  ): string => element('line', { x1, y1, x2, y2, ...more });

  const rows = bars.map((bar, index) => {
    const middle = TOP + index * ROW + ROW / 2;
    const spread = { stroke: theme.spread, 'stroke-width': 2 };
    return [
      text(LEFT - 12, middle - 2, bar.label, { 'text-anchor': 'end' }),
      text(LEFT - 12, middle + 14, bar.note, { 'text-anchor': 'end', 'font-size': 12, fill: theme.faint }),
      element('rect', { x: LEFT, y: middle - 10, width: place(bar.median) - LEFT, height: 20, fill: theme.bar, rx: 2 }),
      line(place(bar.least), middle, place(bar.most), middle, spread),
      line(place(bar.least), middle - 5, place(bar.least), middle + 5, spread),
      line(place(bar.most), middle - 5, place(bar.most), middle + 5, spread),
      ...(bar.wish === undefined
        ? []
        : [
            line(place(bar.wish), middle - 16, place(bar.wish), middle + 16, {
              stroke: theme.text,
              'stroke-width': 1.5,
              'stroke-dasharray': '4 3',
            }),
          ]),
      text(RIGHT + 14, middle - 2, `${numberText(bar.median)} x`, { 'font-weight': 600 }),
      text(RIGHT + 14, middle + 14, `${numberText(bar.least)} to ${numberText(bar.most)}`, {
        'font-size': 12,
        fill: theme.faint,
      }),
    ].join('');
  });
  const bottom = TOP + bars.length * ROW;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: 'img',
      'font-family': FONT,
    },
    element('title', {}, escaped(title)),
    element('desc', {}, escaped(bars.map(({ label, median }) => `${label}: ${numberText(median)} x`).join('; '))),
    element('rect', { width: WIDTH, height, fill: theme.background }),
    text(20, 30, title, { 'font-size': 17, 'font-weight': 600 }),
    text(20, 52, subtitle, { 'font-size': 12, fill: theme.faint }),
    ...rows,
    line(place(1), TOP - 4, place(1), bottom + 4, { stroke: theme.line, 'stroke-width': 1.5 }),
    text(place(1), bottom + 20, '1 x', { 'text-anchor': 'middle', 'font-size': 12, fill: theme.faint }),
  );
}
