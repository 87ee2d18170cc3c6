import { isStaged, type Snapshot } from '../run/snapshot.js';
import { board, type Past } from './board.js';
import { ratesBetween, type Rates } from './rates.js';
import { Region } from './region.js';
import { line, paintFor } from './span.js';
import { seconds, whole } from './words.js';

/** Shows where the run stands: a live table on a terminal, and plain lines, less often, where there is none. */
export interface Progress {
  readonly everyMs: number;
  show(now: Snapshot, before: Snapshot): void;
  /** Something happened; it stays on the screen. */
  say(line: string): void;
  /** Another shop follows, which is open for so many seconds. What was shown of the one before stays. */
  next(openSeconds: number): void;
}

export function makeProgress(out: NodeJS.WriteStream, openSeconds: number, env: NodeJS.ProcessEnv): Progress {
  return out.isTTY && env['TERM'] !== 'dumb' ? onTerminal(out, openSeconds, env) : lineWise(out);
}

/** How much of the past a sparkline can show. */
const mostMoments = 200;

function onTerminal(out: NodeJS.WriteStream, openSeconds: number, env: NodeJS.ProcessEnv): Progress {
  const region = new Region((text) => out.write(text));
  const paint = paintFor(out, env);
  const nothing: Past = { rates: [], pending: [] };
  let past = nothing;
  let open = openSeconds;
  return {
    everyMs: 250,
    show(now, before) {
      past = {
        rates: [...past.rates, ratesBetween(before, now)].slice(-mostMoments),
        pending: [...past.pending, isStaged(now) ? now.pending : 0].slice(-mostMoments),
      };
      const width = out.columns - 1;
      region.draw(board(now, past, open, width).map((spans) => line(spans, width, paint)));
    },
    say: (text) => region.say(text),
    next(nextSeconds) {
      region.keep();
      past = nothing;
      open = nextSeconds;
    },
  };
}

function lineWise(out: NodeJS.WriteStream): Progress {
  return {
    everyMs: 2_000,
    show: (now, before) => void out.write(`${plainLine(now, ratesBetween(before, now))}\n`),
    say: (text) => void out.write(`${text}\n`),
    next: () => {},
  };
}

function plainLine(now: Snapshot, { saves, rows }: Rates): string {
  const shop = [`${now.seconds.toFixed(0).padStart(3)} s`, `${whole(saves).padStart(6)} saves/s`];
  if (!isStaged(now)) return shop.join('  ');
  return [
    ...shop,
    `${whole(rows).padStart(6)} rows written/s`,
    `${(now.coalesced * 100).toFixed(0).padStart(3)} % coalesced`,
    `${whole(now.pending).padStart(5)} pending, the oldest for ${seconds(now.oldest)}`,
    ...(now.dead > 0 ? [`${whole(now.dead)} DEAD`] : []),
  ].join('  ');
}
