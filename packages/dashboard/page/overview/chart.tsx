import { useEffect, useMemo, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import type { Point } from '../../src/wire.js';

/** One line of a chart. */
export interface Line {
  readonly name: string;
  /** A variable of the style sheet, so that it fits light and dark. */
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly value: (point: Point) => number | undefined;
}

interface ChartProps {
  readonly title: string;
  readonly points: readonly Point[];
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
}

const HEIGHT = 170;
/** So that small whole numbers stand at whole marks. */
const LEAST_HEIGHT = 4;
/** The axis shows at least so much time, also before there is so much to show. */
const LEAST_SECONDS = 60;

/** Lines over time. The caption names the last values, for those who do not see the lines, and as the legend. */
export function Chart({ title, points, lines, text }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const data = useMemo(() => dataOf(points, lines), [points, lines]);
  useEffect(() => {
    const target = place.current;
    if (!target) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new UPlot(optionsOf(target, lines, text), dataOf(points, lines), target);
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: target.clientWidth, height: HEIGHT }));
    resized.observe(target);
    return () => {
      scheme.removeEventListener('change', draw);
      resized.disconnect();
      plot.current?.destroy();
    };
    // The chart is made once; what is new is set below.
  }, [lines]);
  useEffect(() => plot.current?.setData(data), [data]);
  const last = points.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span>
        {lines.map(({ name, colour, dash, value }) => (
          <span class="key" key={name}>
            <svg width="18" height="8" aria-hidden="true">
              <line
                x1="0"
                y1="4"
                x2="18"
                y2="4"
                stroke={`var(${colour})`}
                stroke-width="2.5"
                stroke-dasharray={dash?.join(' ')}
              />
            </svg>
            {name} <b>{last === undefined ? '–' : text(value(last) ?? 0)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function dataOf(points: readonly Point[], lines: readonly Line[]): UPlot.AlignedData {
  return [
    points.map(({ atMs }) => atMs / 1_000),
    ...lines.map(({ value }) => points.map((point) => value(point) ?? null)),
  ];
}

function optionsOf(target: HTMLElement, lines: readonly Line[], text: (value: number) => string): UPlot.Options {
  const style = getComputedStyle(target);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  return {
    width: target.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false },
    scales: {
      x: { range: (_self, low, high) => [Math.min(low, high - LEAST_SECONDS), high] },
      y: { range: (_self, _low, high) => [0, Math.max(high * 1.1, LEAST_HEIGHT)] },
    },
    axes: [axis, { ...axis, size: 62, values: (_self, values) => values.map((value) => text(value)) }],
    series: [
      {},
      ...lines.map(({ name, colour: variable, dash }) => ({
        label: name,
        stroke: colour(variable),
        width: 2,
        points: { show: false },
        spanGaps: true,
        ...(dash && { dash: [...dash] }),
      })),
    ],
  };
}
