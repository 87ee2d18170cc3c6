import { useEffect, useState } from 'preact/hooks';
import type { NoSnapshot, Point, Snapshot } from '../src/wire.js';

/** What the server-sent events have told so far. */
export interface Live {
  readonly isConnected: boolean;
  readonly points: readonly Point[];
  readonly snapshot?: Snapshot;
  readonly problem?: NoSnapshot;
}

const MOST_POINTS = 600;

/** Listens to the figures for as long as the page is open; the browser connects again by itself. */
export function useStream(): Live {
  const [live, setLive] = useState<Live>({ isConnected: false, points: [] });
  useEffect(() => {
    const source = new EventSource('api/stream');
    const on = (name: string, note: (before: Live, data: never) => Live): void =>
      source.addEventListener(name, (event: MessageEvent<string>) =>
        setLive((before) => note(before, JSON.parse(event.data) as never)),
      );
    source.addEventListener('open', () => setLive((before) => ({ ...before, isConnected: true })));
    source.addEventListener('error', () => setLive((before) => ({ ...before, isConnected: false })));
    on('points', (before, points: readonly Point[]) => ({ ...before, isConnected: true, points }));
    on('snapshot', ({ points }, snapshot: Snapshot) => ({
      isConnected: true,
      points: [...points.filter(({ atMs }) => atMs !== snapshot.point.atMs), snapshot.point].slice(-MOST_POINTS),
      snapshot,
    }));
    on('problem', (before, problem: NoSnapshot) => ({ ...before, isConnected: true, problem }));
    return () => source.close();
  }, []);
  return live;
}
