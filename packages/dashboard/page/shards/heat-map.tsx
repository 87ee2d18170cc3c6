import { useEffect, useRef, useState } from 'preact/hooks';
import type { Depths } from '../../src/wire.js';
import { describe, type Measure, stepOf } from './measures.js';

interface HeatMapProps {
  readonly depths: Depths;
  readonly measure: Measure;
}

const LEAST_CELL = 6;
const MOST_CELL = 34;
const GAP = 1;

/**
 * All shards as one picture, since 4,096 elements would be slow. Pointer and arrow keys choose a shard, and its numbers
 * stand below as text.
 */
export function HeatMap({ depths: { shards, servers }, measure }: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [chosen, setChosen] = useState(-1);
  const [width, setWidth] = useState(0);
  const cell = Math.max(
    LEAST_CELL,
    Math.min(MOST_CELL, Math.floor(Math.sqrt((width * 420) / Math.max(1, shards.length)))),
  );
  const columns = Math.max(1, Math.floor(width / cell));
  const rows = Math.ceil(shards.length / columns);
  const most = shards.reduce((high, shard) => Math.max(high, measure.value(shard)), 0);
  useEffect(() => {
    const target = canvas.current?.parentElement;
    if (!target) return undefined;
    const note = (): void => setWidth(target.clientWidth);
    note();
    const resized = new ResizeObserver(note);
    resized.observe(target);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', note);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', note);
    };
  }, []);
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, { cell, columns, rows, chosen });
  });

  function draw(
    target: HTMLCanvasElement,
    grid: { cell: number; columns: number; rows: number; chosen: number },
  ): void {
    const scale = devicePixelRatio;
    target.width = grid.columns * grid.cell * scale;
    target.height = grid.rows * grid.cell * scale;
    target.style.width = `${grid.columns * grid.cell}px`;
    target.style.height = `${grid.rows * grid.cell}px`;
    const context = target.getContext('2d');
    if (!context) return;
    context.scale(scale, scale);
    const style = getComputedStyle(target);
    const colours = [0, 1, 2, 3, 4, 5].map((step) => style.getPropertyValue(`--heat-${step}`).trim());
    for (const [at, shard] of shards.entries()) {
      context.fillStyle = colours[stepOf(measure.value(shard), most)] ?? '#888';
      context.fillRect(
        (at % grid.columns) * grid.cell,
        Math.floor(at / grid.columns) * grid.cell,
        grid.cell - GAP,
        grid.cell - GAP,
      );
    }
    if (grid.chosen < 0) return;
    context.strokeStyle = style.getPropertyValue('--text').trim();
    context.lineWidth = 2;
    context.strokeRect(
      (grid.chosen % grid.columns) * grid.cell,
      Math.floor(grid.chosen / grid.columns) * grid.cell,
      grid.cell - GAP,
      grid.cell - GAP,
    );
  }

  const choose = (at: number): void => setChosen(Math.max(0, Math.min(shards.length - 1, at)));
  const moves: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -shards.length,
    End: shards.length,
  };
  const shown = shards[chosen];
  return (
    <div class="heat">
      <div>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${measure.name} by shard, the most is ${measure.text(most)}. Arrow keys choose a shard.`}
          aria-describedby="chosen-shard"
          onPointerMove={({ offsetX, offsetY }) =>
            choose(Math.floor(offsetY / cell) * columns + Math.min(columns - 1, Math.floor(offsetX / cell)))
          }
          onKeyDown={(event) => {
            const by = moves[event.key];
            if (by === undefined) return;
            event.preventDefault();
            choose(chosen + by);
          }}
        />
      </div>
      <p id="chosen-shard" role="status">
        {shown ? describe(shown, servers) : 'Point at a shard, or choose one by the arrow keys.'}
      </p>
      <p class="legend quiet" aria-hidden="true">
        none
        {[0, 1, 2, 3, 4, 5].map((step) => (
          <i key={step} class={`heat-${step}`} />
        ))}
        {measure.text(most)}
      </p>
    </div>
  );
}
