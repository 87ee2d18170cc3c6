import { isStaged, type Snapshot, type StagedSnapshot } from '../run/snapshot.js';
import { bar } from './bar.js';
import type { Rates } from './rates.js';
import type { Span, Style } from './span.js';
import { sparkline } from './sparkline.js';
import { seconds, whole } from './words.js';

/** The past that the board shows, oldest first. */
export interface Past {
  readonly rates: readonly Rates[];
  readonly pending: readonly number[];
}

const labelWidth = 16;
const valueWidth = 10;
const noteWidth = 24;
const widestGraph = 48;

/** The live table: a line for each figure, with its value and its bar or its course. */
export function board(now: Snapshot, past: Past, openSeconds: number, width: number): readonly (readonly Span[])[] {
  const graph = Math.max(0, Math.min(widestGraph, width - labelWidth - valueWidth - noteWidth));
  const { saves = 0, rows = 0 } = past.rates.at(-1) ?? {};
  const course = (values: readonly number[]): string => sparkline(values, graph);
  const open = Math.min(now.seconds, openSeconds);
  const shop = [
    figure('open', `${whole(open)} s`, bar(open / openSeconds, graph), 'dim', ` of ${whole(openSeconds)} s`),
    figure('saves', `${whole(saves)} /s`, course(past.rates.map((rate) => rate.saves)), 'cyan'),
  ];
  if (!isStaged(now)) return shop;
  return [
    ...shop,
    figure('rows written', `${whole(rows)} /s`, course(past.rates.map((rate) => rate.rows)), 'green'),
    figure('coalesced', `${whole(now.coalesced * 100)} %`, bar(now.coalesced, graph), 'green'),
    figure('pending', whole(now.pending), course(past.pending), 'yellow', oldest(now)),
    ...(now.dead > 0 ? [figure('dead letters', whole(now.dead), '', 'red')] : []),
  ];
}

function figure(label: string, value: string, graph: string, style: Style, note = ''): readonly Span[] {
  return [
    { text: `  ${label}`.padEnd(labelWidth) },
    { text: value.padStart(valueWidth), style: 'bold' },
    { text: '  ' },
    { text: graph, style },
    { text: ` ${note}`, style: 'dim' },
  ];
}

function oldest({ pending, oldest: waited }: StagedSnapshot): string {
  return pending === 0 ? '' : ` the oldest for ${seconds(waited)}`;
}
