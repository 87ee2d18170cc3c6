import type { Snapshot } from './snapshot.js';

/** Shows where the run stands: in place on a terminal, and line by line, less often, where there is none. */
export interface Progress {
  readonly everyMs: number;
  show(now: Snapshot, before: Snapshot): void;
  /** Something happened; it stays on the screen. */
  say(line: string): void;
}

export function makeProgress(out: NodeJS.WriteStream): Progress {
  return out.isTTY ? onTerminal(out) : lineWise(out);
}

function onTerminal(out: NodeJS.WriteStream): Progress {
  const restart = '\r\u001b[2K';
  let current = '';
  return {
    everyMs: 250,
    show(now, before) {
      current = describe(now, before);
      out.write(restart + current.slice(0, out.columns - 1));
    },
    say(line) {
      out.write(`${restart}${line}\n${current === '' ? '' : current.slice(0, out.columns - 1)}`);
    },
  };
}

function lineWise(out: NodeJS.WriteStream): Progress {
  return {
    everyMs: 2_000,
    show: (now, before) => void out.write(`${describe(now, before)}\n`),
    say: (line) => void out.write(`${line}\n`),
  };
}

function describe(now: Snapshot, before: Snapshot): string {
  const rate = (figure: 'saves' | 'rows'): number => (now[figure] - before[figure]) / (now.seconds - before.seconds);
  return [
    `${now.seconds.toFixed(0).padStart(3)} s`,
    `${whole(rate('saves')).padStart(6)} saves/s`,
    `${whole(rate('rows')).padStart(6)} rows written/s`,
    `${(now.coalesced * 100).toFixed(0).padStart(3)} % coalesced`,
    `${whole(now.pending).padStart(5)} pending, the oldest for ${now.oldest.toFixed(1)} s`,
    ...(now.dead > 0 ? [`${whole(now.dead)} DEAD`] : []),
  ].join('  ');
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
